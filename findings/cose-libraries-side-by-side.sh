#!/usr/bin/env bash
# COSE (RFC 9052) signs CBOR of devices: tokens, manifests of firmware, EAT. A program uses two libraries for it, one itself, one
# through something else: @auth0/cose and cose-kit, which both stand on cbor-x; npm installs that once, since the versions fit.
# Guess: they do not know of each other, and each reads a COSE_Sign1 with its tag, 18, its own ones at least.
# Seen: each by itself does. Both register their class for the tag in cbor-x, where tags are one table for the whole process, and
# the one that is imported last has it: from then on the other one refuses all tagged messages, its own too, @auth0/cose
# 1.0.2 with "Expected tag 18 (Sign1) but got undefined", cose-kit 1.7.1 with "unknown COSE type". So the order of imports, which
# formatters and bundlers change, decides which of them works; cose-js 0.9.0, on another CBOR library, is not touched.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock @auth0/cose@1.0.2 cose-kit@1.7.1 cose-js@0.9.0 cbor-x@1.6.9
cat >try.mjs <<'JS'
import { generateKeyPairSync } from 'crypto'
const order = process.argv.slice(2), loaded = {}
for (const name of order) loaded[name] = await import(name)
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const payload = new TextEncoder().encode('firmware 1.10')
const jwk = privateKey.export({ format: 'jwk' }), bytes = text => Buffer.from(text, 'base64url')
const roundTrip = {
    '@auth0/cose': async ({ Sign1, ProtectedHeaders, UnprotectedHeaders, Headers, Algorithms }) => {
        const signed = await Sign1.sign(new ProtectedHeaders([[Headers.Algorithm, Algorithms.ES256]]), new UnprotectedHeaders([]), payload, privateKey)
        await Sign1.decode(signed.encode()).verify(publicKey)
    },
    'cose-kit': async ({ coseSign, coseVerify }) => {
        const { isValid } = await coseVerify(await coseSign({ alg: 'ES256' }, {}, payload, privateKey), publicKey)
        if (!isValid) throw new Error('not valid')
    },
    'cose-js': async library => {
        const { sign } = library.default ?? library
        const signed = await sign.create({ p: { alg: 'ES256' }, u: {} }, Buffer.from(payload), { key: { d: bytes(jwk.d) } })
        await sign.verify(signed, { key: { x: bytes(jwk.x), y: bytes(jwk.y) } })
    }
}
const seen = []
for (const name of Object.keys(roundTrip).filter(name => order.includes(name)))
    seen.push(`${name}: ${await roundTrip[name](loaded[name]).then(() => 'good', error => error.message)}`)
console.log(seen.join('; '))
JS
changed=no
try() { # EXPECTED, PACKAGES IN THE ORDER OF THEIR IMPORT
    local seen expected=$1
    shift
    seen=$(timeout 30 node try.mjs "$@")
    echo "imported $*: $seen"
    [ "$seen" = "$expected" ] || changed=yes
}
try '@auth0/cose: good' @auth0/cose
try 'cose-kit: good' cose-kit
try '@auth0/cose: Unexpected CBOR tag. Expected tag 18 (Sign1) but got undefined; cose-kit: good; cose-js: good' @auth0/cose cose-kit cose-js
try '@auth0/cose: good; cose-kit: unknown COSE type; cose-js: good' cose-kit @auth0/cose cose-js
[ "$changed" = no ]

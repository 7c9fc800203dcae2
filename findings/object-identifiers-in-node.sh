#!/usr/bin/env bash
# Object identifiers name types and attributes in certificates, LDAP and SNMP. The first two numbers are one, 40 times the first plus
# the second, and after 2 the second has no bound (X.690, section 8.19): 2.49 is the weather service's, 2.999 for examples, 2.25 with
# a UUID behind it is anybody's without asking. An index of LLDP's tables is a time of 32 bits (lldpRemTimeMark).
# Guess: libraries give the numbers that openssl gives, or refuse what is too large for them.
# Seen: npm's asn1 0.2.6, below ldapjs and sshpk, reads 2.49.0 as 3.9.0 and 2.999 as 26.39, from 2^31 on numbers are
# negative, 1.0.8802.1.1.2.1.4.1.1.9.-1, and a UUID is some other number of 32 bits; of these it writes only the one of
# SNMP. asn1js 3.0.5 gives a UUID as hexadecimal digits in braces. node-forge 1.4.3 refuses it and is right else.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock asn1@0.2.6 asn1js@3.0.5 node-forge@1.4.3
cat >try.cjs <<'JS'
const { spawnSync } = require('child_process'), { BerReader, BerWriter } = require('asn1')
const asn1js = require('asn1js'), forge = require('node-forge')
const wanted = {
    '2.49.0': '3.9.0 refused 2.49.0 2.49.0',
    '2.999': '26.39 refused 2.999 2.999',
    '1.0.8802.1.1.2.1.4.1.1.9.4294967295':
        '1.0.8802.1.1.2.1.4.1.1.9.-1 well 1.0.8802.1.1.2.1.4.1.1.9.4294967295 1.0.8802.1.1.2.1.4.1.1.9.4294967295',
    '2.25.329800735698586629295641978511506172918': '2.25.-920753162 refused 2.25.{03701d276b4f5e604721273240140c48795776} refused',
}
const encode = text => {
    const [first, second, ...rest] = text.split('.').map(BigInt), bytes = []
    for (const number of [first * 40n + second, ...rest]) {
        const digits = [Number(number & 127n)]
        for (let left = number >> 7n; left; left >>= 7n) digits.unshift(Number(left & 127n) | 128)
        bytes.push(...digits)
    }
    return Buffer.from([6, bytes.length, ...bytes])
}
const tried = what => {
    try {
        return what()
    } catch {
        return 'refused'
    }
}
const writes = text => {
    const writer = new BerWriter()
    writer.writeOID(text)
    return writer.buffer.equals(encode(text)) ? 'well' : 'otherwise'
}
let asSeen = true
for (const text of Object.keys(wanted)) {
    const bytes = encode(text)
    const openssl = spawnSync('openssl', ['asn1parse', '-inform', 'DER'], { input: bytes }).stdout.toString().trim().split(':').pop()
    const found = [tried(() => new BerReader(bytes).readOID()), tried(() => writes(text)),
                   tried(() => asn1js.fromBER(new Uint8Array(bytes).buffer).result.valueBlock.toString()),
                   tried(() => forge.asn1.derToOid(bytes.subarray(2).toString('binary')))]
    console.log(`${openssl}: by asn1 ${found[0]}, written ${found[1]}; by asn1js ${found[2]}, by node-forge ${found[3]}`)
    asSeen &&= openssl === text && found.join(' ') === wanted[text]
}
process.exit(asSeen ? 0 : 1)
JS
timeout 30 node try.cjs

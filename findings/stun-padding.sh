#!/usr/bin/env bash
# STUN finds out what a NAT makes of an address. Its attributes are padded to four bytes, and a reader ignores what is in
# the padding (RFC 5389, section 15); the sample messages of RFC 5769 have spaces there, and integrity and fingerprint
# are of the bytes as sent.
# Guess: libraries find the RFC's own sample in order.
# Seen: npm's stun 2.1.0 and @msimerson/stun 3.2.1, which comes from it, read its attributes, but find both integrity and
# fingerprint wrong: they check them over the message as they would write it, with zeros. The same message padded with
# zeros is in order.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock stun@2.1.0 @msimerson/stun@3.2.1
cat >try.mjs <<'JS'
import { createHmac } from 'crypto'
import * as forked from '@msimerson/stun'
import stun from 'stun'
const password = 'VOkJxbRl1RmTxUk/WvJxBt'
const u16 = (...n) => Buffer.from(n.flatMap(v => [v >> 8, v & 255]))
const crc32 = bytes => {
    let crc = ~0
    for (const byte of bytes) {
        crc ^= byte
        for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
    }
    return ~crc >>> 0
}
const message = padding => { // RFC 5769, section 2.2
    const head = length => Buffer.concat([u16(0x0101, length), Buffer.from('2112a442b7e7a701bc34d686fa87dfae', 'hex')])
    const attributes = Buffer.concat([u16(0x8022, 11), Buffer.from('test vector'), Buffer.from([padding]),
        u16(0x0020, 8), Buffer.from('0001a147e112a643', 'hex')])
    const hmac = createHmac('sha1', password).update(Buffer.concat([head(attributes.length + 24), attributes])).digest()
    const body = Buffer.concat([attributes, u16(0x0008, 20), hmac])
    const fingerprint = Buffer.alloc(4)
    fingerprint.writeUInt32BE((crc32(Buffer.concat([head(body.length + 8), body])) ^ 0x5354554e) >>> 0)
    return Buffer.concat([head(body.length + 8), body, u16(0x8028, 4), fingerprint])
}
const sample = '0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643' +
    '000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96'
let ok = message(0x20).toString('hex') === sample
console.log(`made as in the RFC: ${ok}`)
for (const [name, library] of [['stun', stun], ['@msimerson/stun', forked]])
    for (const padding of [0x20, 0]) {
        const m = library.decode(message(padding))
        const address = m.getXorAddress().address
        const right = [library.validateMessageIntegrity(m, password), library.validateFingerprint(m)]
        console.log(`${name}, padded with ${padding}: address ${address}, integrity ${right[0]}, fingerprint ${right[1]}`)
        ok &&= address === '192.0.2.1' && right.every(r => r === (padding === 0))
    }
process.exit(ok ? 0 : 1)
JS
timeout 50 node try.mjs

#!/usr/bin/env bash
# A BACnet date has four bytes: year less 1900, month 1 to 12, day, day of the week 1 to 7 from Monday on; 255 is "any", and
# month 13 and day 32 are "odd months" and "last day" (ASHRAE 135, clause 20.2.12). Schedules, holidays and trend logs have them.
# Guess: npm's node-bacnet, bacstack and @bacnet-js/client, one code by descent, read 28 February 2026 alike, and tell "any".
# Seen: node-bacnet 0.2.4 and bacstack 0.0.1-beta.14 count months from 0, as JavaScript does, in both directions: they write
# 28 February as a 28 January, January as month 0, which is none, and read a device's 28 February as 28 March; what one of
# them wrote comes back right. The day of the week is right. Of "any day in February" they make 10 November, of a date with
# nothing in it 1 February 1901. @bacnet-js/client 3.3.2 is right, and 1 January 1900 is each date that has "any" in it.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock node-bacnet@0.2.4 bacstack@0.0.1-beta.14 @bacnet-js/client@3.3.2
cat >try.cjs <<'JS'
const path = require('path'), modules = path.join(process.cwd(), 'node_modules')
const codecs = { 'node-bacnet': 'node-bacnet/lib/asn1.js', bacstack: 'bacstack/lib/asn1.js', '@bacnet-js/client': '@bacnet-js/client/dist/lib/asn1.js' }
const DATE = 10, dates = { '28 February 2026': '7e021c06', 'any day in February 2026': '7e02ffff', 'any day at all': 'ffffffff' }
const day = date => date.toISOString().slice(0, 10)
const expected = {
    'node-bacnet': ['a47e011c06', 'a47e000703', '2026-03-28', '2026-11-10', '1901-02-01', '2026-02-28'],
    '@bacnet-js/client': ['a47e021c06', 'a47e010703', '2026-02-28', '1900-01-01', '1900-01-01', '2026-02-28']
}
expected.bacstack = expected['node-bacnet']
let asSeen = true
for (const [name, file] of Object.entries(codecs)) {
    const loaded = require(path.join(modules, file)), codec = loaded.default ?? loaded
    const write = value => {
        const to = { buffer: Buffer.alloc(50), offset: 0 }
        codec.bacappEncodeApplicationData(to, { type: DATE, value })
        return to.buffer.subarray(0, to.offset).toString('hex')
    }
    const read = hex => day(codec.bacappDecodeApplicationData(Buffer.from(hex, 'hex'), 0, hex.length / 2, 8, 85).value)
    const written = [new Date(2026, 1, 28), new Date(2026, 0, 7)].map(write)
    const seen = [...written, ...Object.values(dates).map(date => read('a4' + date)), read(written[0])]
    console.log(`${name}: 28 February and 7 January 2026 as bytes: ${written.join(' ')}`)
    Object.keys(dates).forEach((date, i) => console.log(`    ${date} (${Object.values(dates)[i]}) is read as ${seen[i + 2]}`))
    asSeen &&= seen.join() === expected[name].join()
}
process.exit(asSeen ? 0 : 1)
JS
TZ=UTC timeout 50 node try.cjs

#!/usr/bin/env bash
# LwM2M, by which networks manage small devices, carries values as TLV; an integer there has one, two, four or eight
# bytes and a sign. A registration lives 200 seconds; a device has two sources of power, of 3800 and 5000 mV (the
# example of the specification: voltages are a resource with more than one instance).
# Guess: npm's lwm2m-codec writes 200 in two bytes, and gives numbers for the voltages.
# Seen: lwm2m-codec 0.1.1 chooses the size as if there were no sign and then writes one: it refuses 128 to 255, 32768 to
# 65535, and 2147483648 to 4294967295, and takes what is between. Voltages come as text of those bytes, in which what
# is no UTF-8 is lost: 3800 and 3801 read alike.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock lwm2m-codec@0.1.1
cat >try.cjs <<'JS'
const { encode, decode } = require('lwm2m-codec')
const takes = value => {
    try {
        return decode('tlv', '/1/0', encode('tlv', '/1/0', { lifetime: value })).lifetime === value
    } catch (e) {
        if (!e.message.includes('out of range')) throw e
        return false
    }
}
const edges = [127, 128, 255, 256, 32767, 32768, 65535, 65536, 2147483647, 2147483648, 4294967295]
const refused = edges.filter(v => !takes(v))
console.log(`lifetimes refused: ${refused}; taken: ${edges.filter(takes)}`)
const voltages = first => decode('tlv', '/3/0', Buffer.from(`880708420${0}${first}42011388`, 'hex')).pwrSrcVoltage
const a = voltages('0ed8'), b = voltages('0ed9')
console.log(`voltages of 3800 and 5000 mV: ${JSON.stringify(a)}; of 3801 and 5000: ${JSON.stringify(b)}`)
process.exit(refused.join() === '128,255,32768,65535,2147483648,4294967295' && typeof a[0] === 'string' && a[0] === b[0] ? 0 : 1)
JS
timeout 50 node try.cjs

#!/usr/bin/env bash
# KNX carries values of buildings as datapoint types: 16.001 is a text in ISO 8859-1, 9.001 a temperature as mantissa of 12 bits
# and exponent (from -20.48 to 20.47 in steps of 0.01, wider ones beyond), 5.003 an angle, 0 to 360 degrees in 0 to 255.
# Guess: npm's knx, and knxultimate that grew out of it, write the nearest value and read a text in the alphabet it has.
# Seen: knx 2.5.4 writes a text in ISO 8859-1 and reads it as ASCII, without the eighth bit: a display with "20°C" is read as
# "200C", and "Öl" as "Vl". knxultimate 5.4.0 has mended that. Both cut where they should round: 180 degrees become 127, which is
# 179, and so do 105 of the 361 whole angles; of the 4096 temperatures that the type has exactly 289 are one step off, -20.4
# as -20.39. Percents (5.001) are rounded, and all come back.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock knx@2.5.4 knxultimate@5.4.0
cat >try.cjs <<'JS'
const inUltimate = require('knxultimate').dptlib
const libraries = { knx: require('knx/src/dptlib'), knxultimate: inUltimate.default ?? inUltimate }
let asSeen = true
for (const [name, library] of Object.entries(libraries)) {
    const write = (id, value) => {
        const apdu = {}
        library.populateAPDU(value, apdu, id)
        return Buffer.from(apdu.data).toString('hex')
    }
    const read = (id, hex) => library.fromBuffer(Buffer.from(hex, 'hex'), library.resolve(id))
    const text = write('DPT16.001', 'Öl 20°C'), textRead = read('DPT16.001', text).replaceAll('\0', '')
    const changed = (id, values) => values.filter(value => read(id, write(id, value)) !== value)
    const temperatures = changed('DPT9.001', Array.from({ length: 4096 }, (_, i) => (i - 2048) / 100))
    const angles = changed('DPT5.003', [...Array(361).keys()]), percents = changed('DPT5.001', [...Array(101).keys()])
    const firstTemperature = read('DPT9.001', write('DPT9.001', -20.4)), halfTurn = read('DPT5.003', write('DPT5.003', 180))
    console.log(`${name}: "Öl 20°C" as bytes ${text}, read as "${textRead}"`)
    console.log(`    -20.4 degrees are read as ${firstTemperature}, and ${temperatures.length} of 4096 are not as they were`)
    console.log(`    an angle of 180 is read as ${halfTurn}, and ${angles.length} of 361 are not as they were; of percents ${percents.length}`)
    asSeen &&= text.startsWith('d66c203230b043') && textRead === { knx: 'Vl 200C', knxultimate: 'Öl 20°C' }[name] && halfTurn === 179 &&
        firstTemperature === -20.39 && temperatures.length === 289 && angles.length === 105 && percents.length === 0
}
process.exit(asSeen ? 0 : 1)
JS
timeout 50 node try.cjs

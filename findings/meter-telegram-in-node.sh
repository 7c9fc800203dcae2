#!/usr/bin/env bash
# An electricity meter tells what it counts by its port P1 (DSMR 5.0, of the Netherlands and Belgium): its own values, and of meters that
# report to it, by channel, the kind (24.1.0: 3 is gas, 7 water), the number (96.1.0) and the last value with its time (24.2.1). Times
# are of the meter's zone, with S for summer and W for winter.
# Guess: npm's dsmr-parser takes the gas from the channel whose kind is gas, and S and W for their hours from UTC.
# Seen: dsmr-parser 2.1.1 takes the first channel for gas whatever its kind: with a water meter on channel 1, the water is the gas, the
# gas is nowhere, and no kind is told. S and W are left out; times are of the zone that the program runs in, and with UTC, as most
# containers have it, noon in summer is 12:00 UTC and not 10:00, and 2:30 S and 2:30 W of the last Sunday in October are one time.
# smartmeter-obis 4.0.0 reads the same telegram with its channels apart and its times as they stand.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts dsmr-parser@2.1.1 smartmeter-obis@4.0.0
cat >try.cjs <<'JS'
const dsmr = require('dsmr-parser'), obis = require('smartmeter-obis'), { writeFileSync } = require('fs')
const crc16 = bytes => bytes.reduce((crc, byte) => {
    crc ^= byte
    for (let i = 0; i < 8; i++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1
    return crc
}, 0)
const telegram = time => {
    const text = ['/PUM5\\METER7', '', '1-3:0.2.8(50)', `0-0:1.0.0(${time})`, '1-0:1.8.1(000123.456*kWh)', '1-0:1.7.0(01.193*kW)',
        '0-1:24.1.0(007)', '0-1:96.1.0(57415445523031)', `0-1:24.2.1(${time})(00042.500*m3)`,
        '0-2:24.1.0(003)', '0-2:96.1.0(474153303032)', `0-2:24.2.1(${time})(12785.123*m3)`, '!'].join('\r\n')
    return `${text}${crc16(Buffer.from(text)).toString(16).toUpperCase().padStart(4, '0')}\r\n`
}
const summer = telegram('260701120000S'), { objects } = dsmr.parse(summer)
const [gas, id, time] = [objects['gas delivered'], objects['gas equipment identifier'], objects.timestamp.toISOString()]
const [early, late] = ['261025023000S', '261025023000W'].map(time => dsmr.parse(telegram(time)).objects.timestamp.getTime())
console.log(`dsmr-parser: gas ${gas} of ${id}, keys ${Object.keys(objects).join(', ')}`)
console.log(`    noon in summer is ${time}; between 2:30 and 2:30 an hour later are ${(late - early) / 1000} s`)
writeFileSync('telegram', summer)
const reader = obis.init({ protocol: 'D0Protocol', transport: 'LocalFileTransport', transportLocalFilePath: 'telegram',
                           requestInterval: -1, obisFallbackMedium: 1, protocolD0WakeupCharacters: 0 }, (error, found) => {
    if (error) throw error
    const channels = [1, 2].map(i => found[`0-${i}:24.1.0`].values[0].value + ' ' + found[`0-${i}:24.2.1`].values.map(v => v.value).join(' '))
    console.log(`smartmeter-obis: ${channels.join(', ')}`)
    const asSeen = gas === 42.5 && id === 'WATER01' && time === '2026-07-01T12:00:00.000Z' && early === late &&
        channels.join() === '007 260701120000S 42.5,003 260701120000S 12785.123'
    process.exit(asSeen ? 0 : 1)
})
reader.process()
JS
TZ=UTC timeout 20 node try.cjs

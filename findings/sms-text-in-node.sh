#!/usr/bin/env bash
# Devices with a modem tell alarms and take orders by SMS: 160 characters of the alphabet of GSM (3GPP TS 23.038), which has neither
# "°" nor "³" nor "µ", or 70 of UCS-2. A program in Node makes the PDU for the modem with node-pdu.
# Guess: what the alphabet of GSM lacks makes it a message in UCS-2, or an error; 160 plain characters are one message.
# Seen: node-pdu 2.1.1 takes UCS-2 for "é", "Ω" and "€", which the alphabet of GSM has; and of what that lacks it sends most from
# U+00A2 to U+00C0 as a blank, without a word: "23.5 °C, 5 m³, 12 µA" becomes "23.5  C, 5 m , 12  A". A backquote goes out as
# "§" and is a backquote again for its own parse. One message takes 133 characters, so that 134 to 160 are two.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock node-pdu@2.1.1
cat >try.cjs <<'JS'
const { Submit, parse } = require('node-pdu')
const pdus = text => new Submit('+999999999999', text).getPartStrings()
const there = text => pdus(text).map(pdu => parse(pdu).data.getText()).join('')
const coding = text => pdus(text)[0].slice(24, 26) === '08' ? 'UCS-2' : 'GSM'
let longest = 0
while (pdus('a'.repeat(longest + 1)).length === 1) longest++
console.log(`"23.5 °C, 5 m³, 12 µA" comes as "${there('23.5 °C, 5 m³, 12 µA')}"`)
let blank = ''
for (let code = 0xa0; code <= 0x17f; code++) {
    const letter = String.fromCharCode(code)
    if (there(letter) === ' ') blank += letter
}
console.log(`blanks: ${blank}`)
console.log(`codings of é, Ω, €, °, \`: ${[...'éΩ€°`'].map(coding)}; a backquote as septet ${pdus('`')[0].slice(-2)}`)
console.log(`the longest message in one part has ${longest} characters`)
const asSeen = there('23.5 °C, 5 m³, 12 µA') === '23.5  C, 5 m , 12  A' && [...'¢ª¬°±²³µº½À'].every(letter => blank.includes(letter)) &&
    [...'éΩ€°`'].map(coding).join() === 'UCS-2,UCS-2,UCS-2,GSM,GSM' && pdus('`')[0].endsWith('5F') && there('`') === '`' && longest === 133
process.exit(asSeen ? 0 : 1)
JS
timeout 50 node try.cjs

#!/usr/bin/env bash
# A satellite receiver at a device has no fix yet. It says so in NMEA 0183: "$GPRMC,,V,,,,,,,,,,N", where V is void and
# the fields for time, position and course are empty; once it stands still, "$GNVTG,,T,,M,…" has no course either.
# Guess: a parser gives nothing, or null, for what is empty.
# Seen: nmea-simple 3.3.0 makes zeros of empty fields, so that the receiver is at 0 N 0 E and heads north, and drops the
# fraction of a second. @signalk/nmea0183-signalk 3.20.1 has null for all of them but the time: it gives the clock of
# the host that parses for the receiver's. gps 0.9.0 gives null.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock nmea-simple@3.3.0 gps@0.9.0 @signalk/nmea0183-signalk@3.20.1
cat >try.cjs <<'JS'
const simple = require('nmea-simple')
const gpsModule = require('gps')
const GPS = gpsModule.GPS || gpsModule.default || gpsModule
const Signalk = require('@signalk/nmea0183-signalk')
const sentence = s => {
    let sum = 0
    for (const c of s) sum ^= c.charCodeAt(0)
    return `$${s}*${sum.toString(16).toUpperCase().padStart(2, '0')}`
}
const noFix = sentence('GPRMC,,V,,,,,,,,,,N')
const noCourse = sentence('GNVTG,,T,,M,0.004,N,0.008,K,A')
const late = sentence('GPRMC,235959.900,A,4717.114,N,00833.915,E,0,0,311299,,,A')
const before = Date.now()
const s = { noFix: simple.parseNmeaSentence(noFix), noCourse: simple.parseNmeaSentence(noCourse), late: simple.parseNmeaSentence(late) }
const g = { noFix: GPS.Parse(noFix), noCourse: GPS.Parse(noCourse) }
const values = Object.fromEntries(new Signalk().parse(noFix).updates[0].values.map(v => [v.path, v.value]))
const datetime = Date.parse(values['navigation.datetime'])
console.log(`nmea-simple: position ${s.noFix.latitude} ${s.noFix.longitude}, course ${s.noCourse.trackTrue}, ` +
    `235959.900 is ${s.late.datetime.toISOString()}`)
console.log(`gps: position ${g.noFix.lat} ${g.noFix.lon}, time ${g.noFix.time}, course ${g.noCourse.track}`)
console.log(`signalk: position ${values['navigation.position']}, time ${Math.abs(datetime - before) < 60000 ? 'the clock of this host' : datetime}`)
const asSeen = s.noFix.latitude === 0 && s.noFix.longitude === 0 && s.noCourse.trackTrue === 0 &&
    s.late.datetime.toISOString() === '1999-12-31T23:59:59.000Z' && g.noFix.lat === null && g.noFix.time === null &&
    g.noCourse.track === null && values['navigation.position'] === null && Math.abs(datetime - before) < 60000
process.exit(asSeen ? 0 : 1)
JS
timeout 60 node try.cjs

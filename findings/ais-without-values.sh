#!/usr/bin/env bash
# AIS: ships and buoys tell where they are, in sentences of NMEA. What a station does not know has a value of its own: longitude
# 181, latitude 91, speed 102.3, course 360, heading 511, rate of turn -128; a rate v else is (v / 4.733)^2 degrees a minute
# (ITU-R M.1371). A station without a fix sends such reports all the time.
# Guess: decoders give null, or the value of the standard, and a turn in degrees.
# Seen: npm's ggencoder 1.0.10 calls a report without position invalid, with no error, so that the station is not there. Of a
# rate of 20, 17.9 degrees a minute, it gives 20, ais-stream-decoder 2.1.2 2.1, since it takes the root of v / 4.733 where
# the square is wanted, and gpsdecode 3.22 18. ais-stream-decoder has null for what is unknown, and nothing, neither event nor
# error, for buoys (21), aircraft (9) and far ships (27). gpsdecode gives the text "nan" for an unknown speed of class A,
# the number 102.3 of class B, the numbers 181 and 91 of both, and the time "0000-00-00T24:60:60Z" of a shore station.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock ggencoder@1.0.10 ais-stream-decoder@2.1.2
apt-get -q -o APT::Sandbox::User=root download gpsd-clients=3.22-4.1+deb12u1 gpsd-tools=3.22-4.1+deb12u1 libgps28=3.22-4.1+deb12u1 \
    libusb-1.0-0 libbluetooth3 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >sentences.py <<'PY'
def sentence(kind, *fields):
    bits = "".join(format(value & (1 << width) - 1, f"0{width}b") for value, width in ((kind, 6), (0, 2), *fields))
    bits += "0" * (-len(bits) % 6)
    sixes = [int(bits[i:i + 6], 2) for i in range(0, len(bits), 6)]
    body = "AIVDM,1,1,,A," + "".join(chr(v + (48 if v < 40 else 56)) for v in sixes) + ",0"
    total = 0
    for letter in body:
        total ^= ord(letter)
    return f"!{body}*{total:02X}"
nowhere = ((181 * 600000, 28), (91 * 600000, 27))
here = ((10 * 600000, 28), (50 * 600000, 27))
name = [((ord(c) - 64) & 63, 6) for c in "BUOY".ljust(20, "@")]
print(sentence(1, (265547250, 30), (15, 4), (-128, 8), (1023, 10), (0, 1), *nowhere, (3600, 12), (511, 9), (60, 6), (0, 25)))
print(sentence(1, (265547250, 30), (0, 4), (20, 8), (100, 10), (0, 1), *here, (900, 12), (90, 9), (10, 6), (0, 25)))
print(sentence(18, (265547251, 30), (0, 8), (1023, 10), (0, 1), *nowhere, (3600, 12), (511, 9), (60, 6), (0, 28)))
print(sentence(4, (2655000, 30), (0, 14), (0, 4), (0, 5), (24, 5), (60, 6), (60, 6), (0, 1), *nowhere, (1, 4), (0, 30)))
print(sentence(21, (992351000, 30), (1, 5), *name, (0, 1), *here, (0, 30), (1, 4), (60, 6), (0, 14)))
print(sentence(9, (111265547, 30), (300, 12), (100, 10), (0, 1), *here, (900, 12), (10, 6), (0, 34)))
print(sentence(27, (265547252, 30), (0, 6), (10 * 600, 18), (50 * 600, 17), (10, 6), (90, 9), (0, 2)))
PY
cat >decode.cjs <<'JS'
const { AisDecode } = require('ggencoder'), stream = require('ais-stream-decoder')
const lines = require('fs').readFileSync(0, 'utf8').trim().split('\n')
const ggencoder = lines.map(line => {
    const { valid, error, lon = null, lat = null, sog: speed = null, rot: turn = null } = new AisDecode(line, {})
    return valid ? { lon, lat, speed, turn } : `invalid${error}`
})
const decoder = new (stream.default ?? stream)(), seen = {}
decoder.on('data', text => {
    const { sentences, lon, lat, speedOverGround: speed = null, rateOfTurn: turn = null } = JSON.parse(text)
    seen[sentences[0]] = { lon, lat, speed, turn: turn && Number(turn.toFixed(1)) }
}).on('error', error => { seen.error = error.message })
for (const line of lines) decoder.write(line)
decoder.end(() => setImmediate(() => console.log(JSON.stringify({ ggencoder, stream: lines.map(line => seen[line] ?? 'nothing'), error: seen.error }))))
JS
cat >try.py <<'PY'
import json, subprocess, sys
run = lambda *command, given="": subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=True, timeout=40).stdout
sentences = run(sys.executable, "sentences.py")
seen = json.loads(run("node", "decode.cjs", given=sentences))
keys = ("lon", "lat", "speed", "turn")
found = [json.loads(line) for line in run("root/usr/bin/gpsdecode", given=sentences).splitlines()]
seen["gpsdecode"] = [{key: report.get(key) for key in keys} for report in found]
names = ("class A, nothing known", "class A, turning", "class B, nothing known", "shore station", "buoy", "aircraft", "far ship")
for at, name in enumerate(names):
    print(f"{name}:", *(f"\n    {decoder} {json.dumps(seen[decoder][at])}" for decoder in ("ggencoder", "stream", "gpsdecode")))
print("time of the shore station, by gpsdecode:", found[3]["timestamp"])
full = lambda *values: dict(zip(keys, values))
none = full(None, None, None, None)
ok = "invalid" not in seen["ggencoder"][4:] and seen["ggencoder"] == ["invalid", full(10, 50, 10, 20)] + ["invalid"] * 2 + seen["ggencoder"][4:]
ok &= seen["stream"] == [none, full(10, 50, 10, 2.1), none, none] + ["nothing"] * 3 and "error" not in seen
ok &= seen["gpsdecode"][:4] == [full(181, 91, "nan", "nan"), full(10, 50, 10, 18), full(181, 91, 102.3, None), full(181, 91, None, None)]
sys.exit(not (ok and found[3]["timestamp"] == "0000-00-00T24:60:60Z"))
PY
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*) timeout 100 python3 try.py

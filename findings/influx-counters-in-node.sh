#!/usr/bin/env bash
# A counter of 64 bits goes to InfluxDB, whose integers have 64 bits: 9007199254740993 bytes or nanoseconds, in Node a BigInt or, as it
# came from the device, a text. In a line an integer ends with "i", an unsigned one with "u"; with neither it is floating point.
# Guess: intField() of InfluxData's own client, which takes any value and throws when one is no integer, writes all digits; for
# influx, the other client, a BigInt is an integer.
# Seen: intField() of @influxdata/influxdb-client 1.35.0 makes ...992i of the BigInt and of the text, while uintField() writes ...993u
# of both; it throws for none of 1.7, which becomes 1i, and -1.7, -2i. influx 5.12.0 writes the BigInt's digits without "i": for the
# server they are floating point, ...992. python3-influxdb 5.3.1 writes ...993i.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock @influxdata/influxdb-client@1.35.0 influx@5.12.0
apt-get -q -o APT::Sandbox::User=root download python3-influxdb=5.3.1-3 python3-dateutil python3-six python3-tz python3-msgpack \
    python3-requests python3-urllib3 python3-certifi python3-idna python3-chardet python3-charset-normalizer >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >try.cjs <<'JS'
const { Point } = require('@influxdata/influxdb-client'), { InfluxDB } = require('influx'), http = require('http')
const value = 9007199254740993n
const line = (type, of) => new Point('if')[type]('bytes', of).timestamp('').toLineProtocol()
const server = http.createServer((request, answer) => {
    const parts = []
    request.on('data', part => parts.push(part))
    request.on('end', () => {
        answer.writeHead(204).end()
        const byInflux = Buffer.concat(parts).toString().trim()
        console.log(JSON.stringify({
            intField: [value, String(value), 1.7, -1.7].map(of => line('intField', of)),
            uintField: [value, String(value)].map(of => line('uintField', of)),
            influx: byInflux,
        }))
        process.exit()
    })
}).listen(0, '127.0.0.1', () => {
    new InfluxDB({ host: '127.0.0.1', port: server.address().port, database: 'site' })
        .writePoints([{ measurement: 'if', fields: { bytes: value }, timestamp: 1 }], { precision: 's' })
})
JS
cat >try.py <<'PY'
import json, subprocess, sys
sys.path.insert(0, "root/usr/lib/python3/dist-packages")
from influxdb.line_protocol import make_lines
seen = json.loads(subprocess.run(["node", "try.cjs"], check=True, stdout=subprocess.PIPE, text=True, timeout=20).stdout)
seen["python3-influxdb"] = make_lines({"points": [{"measurement": "if", "fields": {"bytes": 9007199254740993}}]}).strip()
for name, lines in seen.items():
    print(f"{name}: {lines}")
sys.exit(seen != {"intField": ["if bytes=9007199254740992i"] * 2 + ["if bytes=1i", "if bytes=-2i"],
                  "uintField": ["if bytes=9007199254740993u"] * 2, "influx": "if bytes=9007199254740993 1",
                  "python3-influxdb": "if bytes=9007199254740993i"})
PY
timeout 60 /usr/bin/python3 try.py

#!/usr/bin/env bash
# A relay in Node reads AMQP 1.0 messages with rhea, which the clients of Azure's Event Hubs and Service Bus stand on, and sends
# them on, with nothing changed. They come from a program on Qpid Proton and go to another one.
# Guess: what rhea can read it writes as it was; of numbers over 2^53 it says that it cannot, or makes them a BigInt.
# Seen: of ulong 2^63+5 and long -2^53-1 it makes a Buffer, which goes out as binary, as do a uuid and a decimal among the
# application's properties; a char is the number 233 and goes out as an integer, whole numbers are integers of whatever size
# is enough, and the message's id 2^53+1 is 2^53. The uuid in a field of the message's own, and timestamps, stay.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock rhea@3.0.5
apt-get -q -o APT::Sandbox::User=root download python3-qpid-proton=0.37.0-2+b1 libqpid-proton11=0.37.0-2+b1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export LD_LIBRARY_PATH PYTHONPATH="$t/root/usr/lib/python3/dist-packages"
cat >relay.cjs <<'JS'
const { message } = require('rhea'), chunks = []
process.stdin.on('data', chunk => chunks.push(chunk)).on('end', () => {
    process.stdout.write(message.encode(message.decode(Buffer.concat(chunks))))
})
JS
cat >run.py <<'PY'
import subprocess, sys, uuid
from proton import Message, char, decimal32, symbol, timestamp, ulong
sent = Message(body=[5, 2**40])
sent.id = ulong(2**53 + 1)
sent.correlation_id = uuid.UUID(int=5)
sent.properties = {"ulong": ulong(2**63 + 5), "long": -2**53 - 1, "small": -5, "uuid": uuid.UUID(int=7), "char": char("é"),
                   "decimal": decimal32(5), "time": timestamp(1764543210123), "text": "é", "bytes": b"\0\1"}
came = Message()
came.decode(subprocess.run(["node", "relay.cjs"], input=sent.encode(), stdout=subprocess.PIPE, check=True).stdout)
fields = lambda m: {"id": m.id, "correlation id": m.correlation_id, "body": m.body} | m.properties
typed = lambda value: [typed(v) for v in value] if isinstance(value, list) else (type(value).__name__, value)
changes = {}
for name, value in fields(sent).items():
    if typed(value) != typed(fields(came)[name]):
        changes[name] = fields(came)[name]
        print(f"{name}: {value!r} has become {changes[name]!r}")
sys.exit({name: typed(value) for name, value in changes.items()} != {
    "id": ("int", 2**53), "ulong": ("bytes", (2**63 + 5).to_bytes(8, "big")), "body": [("uint", 5), ("ulong", 2**40)],
    "long": ("bytes", (2**64 - 2**53 - 1).to_bytes(8, "big")), "small": ("int32", -5), "uuid": ("bytes", bytes(15) + b"\7"),
    "char": ("uint", 233), "decimal": ("bytes", b"\0\0\0\5")})
PY
timeout 60 /usr/bin/python3 run.py

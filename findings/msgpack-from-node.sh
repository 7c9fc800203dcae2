#!/usr/bin/env bash
# A program in Node sends MessagePack to one in Python: a member that is undefined, a Map, bytes as a Uint8Array, the time in
# milliseconds and a Date, each written by one of five of npm's libraries and read by Debian's python3-msgpack.
# Guess: whatever the library, it is no member or nil, a map, bytes, an integer and MessagePack's own timestamp.
# Seen: no value gets through from all. msgpackr writes an undefined member as an extension of type 0, which npm's
# msgpack5 cannot read, and the message with it; its times are floating point, as are msgpack-lite's, whose bytes and dates are
# extensions that only it knows. @msgpack/msgpack, msgpack-lite and notepack.io write a Map as an empty map, without a word.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download python3-msgpack=1.0.3-2+b1 >/dev/null
dpkg-deb -x ./*.deb root
npm install --silent --no-audit --no-fund --no-package-lock @msgpack/msgpack@3.1.3 msgpackr@2.1.4 msgpack-lite@0.2.2 \
    msgpack5@6.1.0 notepack.io@3.0.1
cat >write.js <<'JS'
const values = [{ a: undefined }, new Map([[1, 2]]), new Uint8Array([1, 2, 3]), 1700000000000, new Date(1700000000500)]
for (const name of ['@msgpack/msgpack', 'msgpackr', 'msgpack-lite', 'msgpack5', 'notepack.io']) {
    const library = require(name), { encode } = name === 'msgpack5' ? library() : library
    console.log(name, ...values.map(v => Buffer.from(encode(v).slice()).toString('hex')))
}
JS
cat >read.js <<'JS'
try {
    console.log(JSON.stringify(require('msgpack5')().decode(Buffer.from(process.argv[2], 'hex'))))
} catch (e) {
    console.log(e.message)
}
JS
cat >run.py <<'PY'
import msgpack, subprocess, sys
def node(*command):
    return subprocess.run(["node", *command], capture_output=True, check=True, text=True, timeout=60).stdout
def kind(data):
    value = msgpack.unpackb(data, strict_map_key=False)
    if isinstance(value, dict) and "a" in value:
        value = value["a"]
        return "nil" if value is None else f"extension {value.code}"
    return f"extension {value.code}" if isinstance(value, msgpack.ExtType) else \
        {dict: f"map of {len(value) if isinstance(value, dict) else 0}"}.get(type(value), type(value).__name__)
seen = {}
for line in node("write.js").splitlines():
    name, *items = line.split()
    seen[name] = [kind(bytes.fromhex(i)) for i in items]
    print(f"{name}: " + ", ".join(f"{v}: {k}" for v, k in zip(("undefined", "Map", "bytes", "time", "Date"), seen[name])))
    if name == "msgpackr":
        unread = node("read.js", items[0]).strip()
print(f"msgpack5, of msgpackr's undefined member: {unread}")
expected = {"@msgpack/msgpack": ["nil", "map of 0", "bytes", "int", "Timestamp"],
            "msgpackr": ["extension 0", "map of 1", "bytes", "float", "Timestamp"],
            "msgpack-lite": ["nil", "map of 0", "extension 18", "float", "extension 13"],
            "msgpack5": ["map of 0", "map of 1", "bytes", "int", "Timestamp"],
            "notepack.io": ["map of 0", "map of 0", "bytes", "int", "Timestamp"]}
sys.exit(0 if seen == expected and unread == "unable to find ext type 0" else "this has changed")
PY
PYTHONPATH=$t/root/usr/lib/python3/dist-packages /usr/bin/python3 run.py

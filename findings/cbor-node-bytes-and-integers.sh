#!/usr/bin/env bash
# A program in Node sends CBOR to a device in C, which reads it with libcbor and wants a byte string and an integer: four bytes
# as a Buffer or as a Uint8Array (a Buffer is one), the time in milliseconds as a number or as a BigInt.
# Guess: whatever of npm's libraries writes it, bytes are a byte string and whole numbers of less than 64 bits an integer.
# Seen: only cborg does so. cbor and cbor-x put a tag on a Uint8Array and none on a Buffer. cbor2 does it the other way
# round: a Uint8Array is a byte string, and a Buffer a map with "type" and an array of numbers, as in JSON, until the
# program registers an encoder for it. cbor-x writes the time, and every number of 2^32 or more, as floating point; cbor
# writes a BigInt, even 1n, as a tagged string.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download libcbor0.8=0.8.0-2+b1 >/dev/null
dpkg-deb -x ./*.deb root
npm install --silent --no-audit --no-fund --no-package-lock cbor@10.0.12 cbor-x@1.6.9 cborg@6.1.5 cbor2@2.3.0
cat >write.mjs <<'JS'
import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
const values = [Buffer.from([1, 2, 3, 4]), new Uint8Array([1, 2, 3, 4]), 1700000000000, 1700000000000n, 1n]
for (const name of ['cborg', 'cbor', 'cbor-x', 'cbor2']) {
    const encode = name === 'cbor' ? require('cbor').encodeOne : (await import(name)).encode
    console.log(name, ...values.map(v => Buffer.from(encode(v)).toString('hex')))
}
JS
cat >run.py <<'PY'
import ctypes, glob, subprocess, sys
libcbor = ctypes.CDLL(glob.glob("root/usr/lib/*/libcbor.so.0.8")[0])
libcbor.cbor_load.restype = ctypes.c_void_p
def kind(data):
    item = libcbor.cbor_load(data, ctypes.c_size_t(len(data)), ctypes.create_string_buffer(64))
    names = ["integer", "integer", "bytes", "text", "array", "map", "tag", "float"]
    return names[libcbor.cbor_typeof(ctypes.c_void_p(item))]
expected = {"cborg": ["bytes", "bytes", "integer", "integer", "integer"],
            "cbor": ["bytes", "tag", "integer", "tag", "tag"],
            "cbor-x": ["bytes", "tag", "float", "integer", "integer"],
            "cbor2": ["map", "bytes", "integer", "integer", "integer"]}
lines = subprocess.run(["node", "write.mjs"], capture_output=True, check=True, text=True, timeout=60).stdout.splitlines()
seen = {}
for line in lines:
    name, *items = line.split()
    seen[name] = [kind(bytes.fromhex(i)) for i in items]
    print(f"{name}: " + ", ".join(f"{v}: {k}" for v, k in zip(("Buffer", "Uint8Array", "time", "BigInt time", "1n"), seen[name])))
sys.exit(0 if seen == expected else "this has changed")
PY
/usr/bin/python3 run.py

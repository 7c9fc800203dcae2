#!/usr/bin/env bash
# proto3 messages from Google's protoc, read by npm's protobufjs and by the two small libraries, protocol-buffers and pbf, that read
# the same .proto file.
# Guess: the small ones leave out features and say so, as they do for groups; plain fields are read alike by all.
# Seen: protobufjs is right. protocol-buffers reads -1 in an int32 as 18446744069414584000, the least int64 as 0, an enum's -1
# not at all, and of [1, 2, 3], which proto3 packs, only how long it is: [3]. pbf gives an enum's -1 and the least sint64 as
# great positive numbers, and of two members of a oneof, of which the later one counts, both.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download protobuf-compiler=3.21.12-3+deb12u1 libprotoc32=3.21.12-3+deb12u1 \
    libprotobuf32=3.21.12-3+deb12u1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock protobufjs@8.8.1 protocol-buffers@5.0.0 pbf@5.1.2 \
    protocol-buffers-schema@3.6.1
cat >m.proto <<'PROTO'
syntax = "proto3";
enum Level { NORMAL = 0; LOW = -1; }
message M {
    int32 small = 1;
    int64 large = 2;
    sint64 zigzag = 3;
    Level level = 4;
    repeated int32 list = 5;
    oneof choice {
        int32 number = 6;
        string text = 7;
    }
}
PROTO
cat >read.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { compile } from 'pbf/compile'
import { PbfReader } from 'pbf'
const require = createRequire(import.meta.url), text = readFileSync('m.proto')
const M = require('protobufjs').loadSync('m.proto').lookupType('M'), small = require('protocol-buffers')(text).M
const pbf = compile(require('protocol-buffers-schema').parse(text))
const readers = { protobufjs: b => M.toObject(M.decode(b), { longs: String, defaults: true }),
    'protocol-buffers': b => small.decode(b), pbf: b => pbf.readM(new PbfReader(b)) }
const field = process.argv[2], bytes = readFileSync(0)
for (const [name, read] of Object.entries(readers)) {
    try {
        const m = read(bytes)
        console.log(name, field === 'choice' ? `${m.number ? 'number and ' : ''}${m.text ? 'text' : ''}` : String(m[field]))
    } catch (e) {
        console.log(name, 'error')
    }
}
JS
cat >run.py <<'PY'
import glob, os, subprocess, sys
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(os.getcwd() + "/root/usr/lib/*-linux-gnu*")[0]}
def read(field, text):
    written = subprocess.run(["root/usr/bin/protoc", "--encode=M", "m.proto"], input=text.encode(), env=environment,
                             capture_output=True, check=True).stdout
    if field == "choice":  # a later part of the same message, as one appends it
        written += subprocess.run(["root/usr/bin/protoc", "--encode=M", "m.proto"], input=b'text: "on"', env=environment,
                                  capture_output=True, check=True).stdout
    lines = subprocess.run(["node", "read.mjs", field], input=written, capture_output=True, check=True).stdout.decode()
    return [line.split(" ", 1)[1] for line in lines.splitlines()]
cases = {"small": "small: -1", "large": "large: -9223372036854775808", "zigzag": "zigzag: -9223372036854775808",
         "level": "level: LOW", "list": "list: [1, 2, 3]", "choice": "number: 1"}
expected = {"small": ["-1", "18446744069414584000", "-1"], "large": ["-9223372036854775808", "0", "-9223372036854776000"],
            "zigzag": ["-9223372036854775808", "9223372036854776000", "9223372036854776000"],
            "level": ["-1", "error", "18446744073709552000"], "list": ["1,2,3", "3", "1,2,3"],
            "choice": ["text", "text", "number and text"]}
seen = {}
for field, text in cases.items():
    seen[field] = read(field, text)
    print(f"{text}{' and text after it' if field == 'choice' else ''}: protobufjs: {seen[field][0]}; "
          f"protocol-buffers: {seen[field][1]}; pbf: {seen[field][2]}", flush=True)
sys.exit(0 if seen == expected else "this has changed")
PY
/usr/bin/python3 run.py

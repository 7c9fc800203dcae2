#!/usr/bin/env bash
# A CBOR text in chunks (RFC 8949, section 3.2.3), which is how writers that stream send a long text: here a log in chunks of
# 4000 letters with a short rest.
# Guess: readers put the chunks together; those for small devices may refuse the form.
# Seen: libcbor, python3-cbor2, python3-cbor, Perl's CBOR::XS and npm's cbor2 read all. npm's cbor does so up to 16384 bytes;
# of a longer text it leaves out each chunk that begins behind that, and says nothing: the log's end is missing. It is
# cbor-x and cborg that refuse every chunk, although they take arrays and maps of that form.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download libcbor0.8=0.8.0-2+b1 libcbor-xs-perl=1.86-1+b2 libtypes-serialiser-perl \
    libcommon-sense-perl python3-cbor2=5.4.6-1+b1 python3-cbor=1.0.0-1.2+b1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock cbor@10.0.12 cbor-x@1.6.9 cborg@6.1.5 cbor2@2.3.0
cat >read.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
const require = createRequire(import.meta.url), name = process.argv[2], library = await import(name)
const decode = name === 'cbor' ? require('cbor').decodeFirstSync : library.decode
try {
    console.log(decode(readFileSync(0)).length)
} catch (e) {
    console.log('refused')
}
JS
cat >read.py <<'PY'
import importlib, sys
print(len(importlib.import_module(sys.argv[1]).loads(sys.stdin.buffer.read())))
PY
cat >read.pl <<'PL'
use CBOR::XS;
binmode STDIN;
local $/;
print length(decode_cbor(<STDIN>)), "\n";
PL
cat >libcbor.py <<'PY'
import ctypes, sys
c, data = ctypes.CDLL("libcbor.so.0.8"), sys.stdin.buffer.read()
c.cbor_load.restype = ctypes.c_void_p
c.cbor_string_chunks_handle.restype = ctypes.POINTER(ctypes.c_void_p)
c.cbor_string_chunk_count.restype = c.cbor_string_length.restype = ctypes.c_size_t
item = ctypes.c_void_p(c.cbor_load(data, ctypes.c_size_t(len(data)), ctypes.create_string_buffer(64)))
chunks = c.cbor_string_chunks_handle(item)
print(sum(c.cbor_string_length(ctypes.c_void_p(chunks[i])) for i in range(c.cbor_string_chunk_count(item))))
PY
cat >run.py <<'PY'
import glob, os, subprocess, sys
here = os.getcwd()
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(here + "/root/usr/lib/*-linux-gnu*")[0],
                            "PYTHONPATH": here + "/root/usr/lib/python3/dist-packages",
                            "PERL5LIB": ":".join(glob.glob(here + "/root/usr/lib/*/perl5/*") + [here + "/root/usr/share/perl5"])}
def chunked(letters):
    text = b"x" * letters
    parts = [text[i:i + 4000] for i in range(0, letters, 4000)]
    return b"\x7f" + b"".join(b"\x79" + len(p).to_bytes(2, "big") + p for p in parts) + b"\xff"
def read(command, data):
    return subprocess.run(command, input=data, env=environment, capture_output=True, check=True, timeout=60).stdout.decode().strip()
python = "/usr/bin/python3"
readers = {"libcbor 0.8": [python, "libcbor.py"], "python3-cbor2 5.4.6": [python, "read.py", "cbor2"],
           "python3-cbor 1.0.0": [python, "read.py", "cbor"], "CBOR::XS 1.86": ["/usr/bin/perl", "read.pl"],
           "npm's cbor2 2.3.0": ["node", "read.mjs", "cbor2"], "npm's cbor 10.0.12": ["node", "read.mjs", "cbor"],
           "cbor-x 1.6.9": ["node", "read.mjs", "cbor-x"], "cborg 6.1.5": ["node", "read.mjs", "cborg"]}
whole = ["4010", "16010", "20010", "32010"]
expected = [whole] * 5 + [["4010", "16010", "20000", "20000"], ["refused"] * 4, ["refused"] * 4]
seen = []
for name, command in readers.items():
    seen.append([read(command, chunked(int(n))) for n in whole])
    print(f"{name}: of {', '.join(whole)} letters: {', '.join(seen[-1])}", flush=True)
sys.exit(0 if seen == expected else "this has changed")
PY
/usr/bin/python3 run.py

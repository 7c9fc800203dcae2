#!/usr/bin/env bash
# A recorded protobuf message of a newer peer is turned into text, edited and turned back; one of its fields is not in the
# schema at hand. On the wire such a field is kept.
# Guess: it is kept in text as well, if one does not touch it.
# Seen: protoc --decode writes it by its number, and protoc --encode refuses that very text; Python's MessageToString
# leaves it out without a word, and with print_unknown_fields writes what Parse refuses. Only the bytes keep it.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download protobuf-compiler=3.21.12-3+deb12u1 libprotoc32=3.21.12-3+deb12u1 \
    libprotobuf32=3.21.12-3+deb12u1 python3-protobuf=3.21.12-3+deb12u1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
PATH="$t/root/usr/bin:$PATH"
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export PATH LD_LIBRARY_PATH PYTHONPATH="$t/root/usr/lib/python3/dist-packages"
printf 'syntax = "proto3";\nmessage M { int32 known = 1; }\n' >m.proto
protoc --python_out=. m.proto
cat >texts.py <<'PY'
import sys, m_pb2
from google.protobuf import text_format
m = m_pb2.M()
m.ParseFromString(sys.stdin.buffer.read())
def back(text):
    try:
        return text_format.Parse(text, m_pb2.M()).SerializeToString().hex()
    except text_format.ParseError:
        return "refused"
print(m.SerializeToString().hex(), back(text_format.MessageToString(m)),
      back(text_format.MessageToString(m, print_unknown_fields=True)))
PY
changed=no
try() { # BYTES EXPECTED
    local by_protoc seen
    printf "$1" >wire
    protoc --decode=M m.proto <wire >text
    by_protoc=$(protoc --encode=M m.proto <text 2>encode.log | od -An -tx1 | tr -d ' \n' || true)
    seen="protoc ${by_protoc:-refused}; Python: bytes, text, text with unknown fields: $(/usr/bin/python3 texts.py <wire)"
    echo "$(od -An -tx1 <wire | tr -d ' \n') comes back as: $seen"
    [ "$seen" = "$2" ] || changed=yes
}
protoc --version
try '\x08\x01' 'protoc 0801; Python: bytes, text, text with unknown fields: 0801 0801 0801'
try '\x08\x01\x60\x05' 'protoc refused; Python: bytes, text, text with unknown fields: 08016005 0801 refused'
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

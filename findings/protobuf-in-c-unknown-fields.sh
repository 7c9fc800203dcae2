#!/usr/bin/env bash
# A message from a newer peer: one unknown field that is a group, and one known field whose wire type
# has changed. Protobuf's promise is that unknown fields are skipped, and a field of another wire
# type counts as unknown.
# Guess: all libraries skip both.
# Seen: Google's Python does. nanopb ("invalid wire_type", "wrong wire type") and protobuf-c lose the
# whole message in either case, so a schema spoken to C devices may add only varints, fixed and
# length-delimited fields, under new numbers.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download nanopb=0.4.7-2 libnanopb-dev=0.4.7-2 \
    protobuf-c-compiler=1.4.1-1+b1 libprotobuf-c-dev=1.4.1-1+b1 libprotobuf-c1=1.4.1-1+b1 \
    protobuf-compiler=3.21.12-3+deb12u1 libprotoc32 libprotobuf32 python3-protobuf=3.21.12-3+deb12u1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
arch=$(gcc -print-multiarch)
export PATH="$t/root/usr/bin:$PATH" LD_LIBRARY_PATH="$t/root/usr/lib/$arch"
export PYTHONPATH="$t/root/usr/lib/python3/dist-packages"
cat >m.proto <<'P'
syntax = "proto3";
message M { int32 number = 1; int32 other = 2; }
P
protoc --python_out=. --nanopb_out=. m.proto
protoc-c --c_out=. m.proto
cat >with_nanopb.c <<'C'
#include "m.pb.h"
#include <pb_decode.h>
#include <stdio.h>
int main(void)
{
    uint8_t in[64];
    size_t n = fread(in, 1, sizeof in, stdin);
    M m = M_init_zero;
    pb_istream_t s = pb_istream_from_buffer(in, n);
    bool ok = pb_decode(&s, M_fields, &m);
    printf("%s", ok ? "" : PB_GET_ERROR(&s));
    if (ok)
        printf("%d", (int)m.number);
}
C
cat >with_protobuf_c.c <<'C'
#include "m.pb-c.h"
#include <stdio.h>
int main(void)
{
    uint8_t in[64];
    size_t n = fread(in, 1, sizeof in, stdin);
    M *m = m__unpack(NULL, n, in);
    if (m == NULL)
        printf("refused");
    else
        printf("%d", (int)m->number);
}
C
lib=root/usr/lib/$arch
gcc -w -I root/usr/include/nanopb -I root/usr/include -o with_nanopb with_nanopb.c m.pb.c $lib/libprotobuf-nanopb.a
gcc -w -I root/usr/include -o with_protobuf_c with_protobuf_c.c m.pb-c.c "$lib/libprotobuf-c.a"
try() { # WHAT BYTES EXPECTED: number = 7 stands behind the odd field
    printf "$2\\x08\\x07" >in
    local seen
    seen="$(./with_nanopb <in)|$(./with_protobuf_c <in)|$(/usr/bin/python3 -c '
import sys, m_pb2
m = m_pb2.M()
m.ParseFromString(sys.stdin.buffer.read())
print(m.number)' <in)"
    echo "$1: $seen"
    [ "$seen" = "$3" ] || { echo "this has changed" >&2; exit 1; }
}
echo "nanopb 0.4.7 | protobuf-c 1.4.1 | python3-protobuf 3.21.12"
try "an unknown length-delimited field" '\x5a\x01\x61' '7|7|7'
try "an unknown group" '\x5b\x08\x01\x5c' 'invalid wire_type|refused|7'
try "a known int32 sent as text" '\x12\x01\x61' 'wrong wire type|refused|7'

#!/usr/bin/env bash
# A protobuf varint that is wider than its field. The encoding guide says that a parser cuts it to the
# field's width, so that int64 may become int32 in a schema.
# Guess: nanopb does the same for all its 32-bit fields.
# Seen: it does for int32; the same bytes in a uint32 or an enum are "integer too large", in a bool
# "varint overflow", and the whole message is lost. protobuf-c and Google's Python take all four.
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
enum Kind { NONE = 0; ONE = 1; }
message M { int32 number = 1; uint32 count = 2; Kind kind = 3; bool flag = 4; }
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
    if (!pb_decode(&s, M_fields, &m))
        printf("%s", PB_GET_ERROR(&s));
    else
        printf("%d %u %d %d", (int)m.number, (unsigned)m.count, (int)m.kind, m.flag);
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
        printf("%d %u %d %d", (int)m->number, (unsigned)m->count, (int)m->kind, m->flag);
}
C
lib=root/usr/lib/$arch
gcc -w -I root/usr/include/nanopb -I root/usr/include -o with_nanopb with_nanopb.c m.pb.c $lib/libprotobuf-nanopb.a
gcc -w -I root/usr/include -o with_protobuf_c with_protobuf_c.c m.pb-c.c "$lib/libprotobuf-c.a"
cat >with_python.py <<'P'
import sys, m_pb2
m = m_pb2.M()
m.ParseFromString(sys.stdin.buffer.read())
print(m.number, m.count, m.kind, int(m.flag), end="")
P
# 2^32 + 1 in each of the fields
expect=("1 0 0 0|1 0 0 0|1 0 0 0" "integer too large|0 1 0 0|0 1 0 0" "integer too large|0 0 1 0|0 0 1 0"
    "varint overflow|0 0 0 1|0 0 0 1")
fields=(int32 uint32 enum bool)
echo "nanopb 0.4.7 | protobuf-c 1.4.1 | python3-protobuf 3.21.12"
for i in 0 1 2 3; do
    printf "\\x$(printf %x $(((i + 1) * 8)))\\x81\\x80\\x80\\x80\\x10" >in
    seen="$(./with_nanopb <in)|$(./with_protobuf_c <in)|$(/usr/bin/python3 with_python.py <in)"
    echo "${fields[i]}: $seen"
    [ "$seen" = "${expect[i]}" ] || { echo "this has changed" >&2; exit 1; }
done

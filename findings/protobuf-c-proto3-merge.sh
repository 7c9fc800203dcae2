#!/usr/bin/env bash
# Protobuf promises that a submessage which comes in two parts is merged, field by field, so that one may add to a
# message by appending bytes; and that -0.0 is no default value and is written.
# Guess: all libraries keep both promises.
# Seen: Google's Python and nanopb do. protobuf-c with proto3 keeps only the second part: {a: 1} and {b: 2} are
# {a: 0, b: 2}, also within a oneof; and -0.0 is not written, so it comes out as 0.0 on the other side.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
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
message Part { int32 a = 1; int32 b = 2; }
message M { Part part = 1; double number = 2; oneof one { Part first = 3; Part second = 4; } }
P
protoc --python_out=. --nanopb_out=. m.proto
protoc-c --c_out=. m.proto
cat >with_nanopb.c <<'C'
#include "m.pb.h"
#include <pb_decode.h>
#include <pb_encode.h>
#include <stdio.h>
int main(void)
{
    uint8_t bytes[64];
    M m = M_init_zero;
    pb_istream_t in = pb_istream_from_buffer(bytes, fread(bytes, 1, sizeof bytes, stdin));
    if (!pb_decode(&in, M_fields, &m))
        return 1;
    M number = M_init_zero;
    number.number = -0.0;
    pb_ostream_t out = pb_ostream_from_buffer(bytes, sizeof bytes);
    if (!pb_encode(&out, M_fields, &number))
        return 1;
    printf("%d %d, %d %d, %d", (int)m.part.a, (int)m.part.b, (int)m.one.first.a, (int)m.one.first.b,
           (int)out.bytes_written);
}
C
cat >with_protobuf_c.c <<'C'
#include "m.pb-c.h"
#include <stdio.h>
int main(void)
{
    uint8_t bytes[64];
    M *m = m__unpack(NULL, fread(bytes, 1, sizeof bytes, stdin), bytes);
    if (m == NULL)
        return 1;
    M number = M__INIT;
    number.number = -0.0;
    printf("%d %d, %d %d, %d", (int)m->part->a, (int)m->part->b, (int)m->first->a, (int)m->first->b,
           (int)m__pack(&number, bytes));
}
C
lib=root/usr/lib/$arch
gcc -w -I root/usr/include/nanopb -I root/usr/include -o with_nanopb with_nanopb.c m.pb.c $lib/libprotobuf-nanopb.a
gcc -w -I root/usr/include -o with_protobuf_c with_protobuf_c.c m.pb-c.c "$lib/libprotobuf-c.a"
# part {a: 1}, part {b: 2}, first {a: 1}, first {b: 2}
printf '\x0a\x02\x08\x01\x0a\x02\x10\x02\x1a\x02\x08\x01\x1a\x02\x10\x02' >in
python=$(/usr/bin/python3 -c '
import sys, m_pb2
m = m_pb2.M()
m.ParseFromString(sys.stdin.buffer.read())
size = m_pb2.M(number=-0.0).ByteSize()
print(f"{m.part.a} {m.part.b}, {m.first.a} {m.first.b}, {size}")' <in)
nanopb=$(./with_nanopb <in)
protobuf_c=$(./with_protobuf_c <in)
echo "a and b, a and b in the oneof, bytes of -0.0:"
printf '%s: %s\n' "python3-protobuf 3.21.12" "$python" "nanopb 0.4.7" "$nanopb" "protobuf-c 1.4.1" "$protobuf_c"
[ "$python|$nanopb|$protobuf_c" = "1 2, 1 2, 9|1 2, 1 2, 9|0 2, 0 2, 0" ] || { echo "this has changed" >&2; exit 1; }

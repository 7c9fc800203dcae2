#!/usr/bin/env bash
# A Redis script reads a JSON document with cjson.decode and writes it back with cjson.encode; it has a time in
# microseconds and an empty list.
# Guess: what is below 2^53 comes back as it was, and [] stays [].
# Seen: numbers are written with 14 digits, so the time loses its last three digits (cmsgpack keeps
# them), and [] comes back as {}. A script that changes one field of a document changes others.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 \
    libjemalloc2 liblua5.1-0 liblzf1 lua-bitop lua-cjson libhiredis0.14 libatomic1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export LD_LIBRARY_PATH
cli() { root/usr/bin/redis-cli -s redis.sock "$@"; }
root/usr/bin/redis-server --port 0 --unixsocket "$t/redis.sock" --save '' >redis.log &
for _ in $(seq 100); do
    [ "$(cli ping 2>/dev/null)" = PONG ] && break
    sleep 0.1
done
cli info server | grep redis_version
changed=no
try() { # SCRIPT ARGUMENT EXPECTED
    local seen
    seen=$(cli eval "$1" 0 "$2")
    echo "$2 by $1: $seen"
    [ "$seen" = "$3" ] || changed=yes
}
json='return cjson.encode(cjson.decode(ARGV[1]))'
try "$json" '{"at":1700000000123456}' '{"at":1.7000000001235e+15}'
try "$json" '{"at":17000000001234}' '{"at":17000000001234}'
try "$json" '{"list":[]}' '{"list":{}}'
try 'return cmsgpack.unpack(cmsgpack.pack(tonumber(ARGV[1])))' 1700000000123456 1700000000123456
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

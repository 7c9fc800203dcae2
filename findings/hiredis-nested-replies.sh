#!/usr/bin/env bash
# Debian 12's hiredis against Debian 12's Redis.
# Guess: every reply of the server can be read.
# Seen: COMMAND DOCS, new in Redis 7, nests deeper than hiredis 0.14 allows. It is no error reply: the context is
# in error from then on, so that PING and whatever else shares the connection are lost, too. A Lua reply of nine
# tables in each other does the same, one of eight does not.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 \
    libhiredis-dev=0.14.1-3 libhiredis0.14=0.14.1-3 libjemalloc2 liblua5.1-0 liblzf1 lua-bitop lua-cjson \
    libatomic1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
lib=root/usr/lib/$(gcc -print-multiarch)
export LD_LIBRARY_PATH="$t/$lib"
cat >client.c <<'C'
#include <hiredis/hiredis.h>
#include <stdio.h>
static int say(redisContext *c, const char *what, redisReply *r)
{
    printf("%s: %s\n", what, r != NULL ? "read" : c->errstr);
    freeReplyObject(r);
    return r != NULL;
}
int main(void)
{
    int seen = 0;
    redisContext *c = redisConnectUnix("redis.sock");
    seen = seen << 1 | say(c, "eight tables", redisCommand(c, "EVAL %s 0", "return {{{{{{{{1}}}}}}}}"));
    seen = seen << 1 | say(c, "nine tables", redisCommand(c, "EVAL %s 0", "return {{{{{{{{{1}}}}}}}}}"));
    redisFree(c);
    c = redisConnectUnix("redis.sock");
    seen = seen << 1 | say(c, "COMMAND", redisCommand(c, "COMMAND"));
    seen = seen << 1 | say(c, "COMMAND DOCS", redisCommand(c, "COMMAND DOCS"));
    seen = seen << 1 | say(c, "PING behind it", redisCommand(c, "PING"));
    redisFree(c);
    return seen != 0x14; // 1 0, 1 0 0
}
C
gcc -I root/usr/include -o client client.c -L "$lib" -lhiredis
cli() { root/usr/bin/redis-cli -s redis.sock "$@"; }
root/usr/bin/redis-server --port 0 --unixsocket "$t/redis.sock" --save '' >redis.log &
for _ in $(seq 100); do
    [ "$(cli ping 2>/dev/null)" = PONG ] && break
    sleep 0.1
done
cli info server | grep redis_version
./client || { echo "this has changed" >&2; exit 1; }

#!/usr/bin/env bash
# Redis with an append-only file and "appendfsync everysec". The process is killed (SIGKILL); the machine runs on.
# Guess: nothing that was acknowledged is lost, because the file was written before the answer, and the kernel has
# it; the second at stake is for power failures.
# Seen: Redis 7.0.15 does not write while the sync of the second before is under way, up to two seconds, and answers
# all the same: where a sync takes one second (here by a preloaded fdatasync), a third of the acknowledged writes are
# gone after the kill. With "appendfsync no", which promises less, none are.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 \
    libjemalloc2 liblua5.1-0 liblzf1 lua-bitop lua-cjson libhiredis0.14 libatomic1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export LD_LIBRARY_PATH
cat >slow.c <<'C'
#include <unistd.h>
int fdatasync(int fd)
{
    (void)fd;
    sleep(1);
    return 0;
}
C
gcc -shared -fPIC -o slow.so slow.c
cat >try.py <<'PY'
import socket, subprocess, sys, time
def start(policy, port):
    server = subprocess.Popen(["env", "LD_PRELOAD=./slow.so", "root/usr/bin/redis-server", "--port", str(port), "--bind",
                               "127.0.0.1", "--save", "", "--dir", policy, "--appendonly", "yes", "--appendfsync", policy],
                              stdout=subprocess.DEVNULL)
    for _ in range(200):
        try:
            s = socket.create_connection(("127.0.0.1", port), 10)
            f = s.makefile("rb")
            s.sendall(b"PING\r\n")
            if f.readline() == b"+PONG\r\n":
                return server, s, f
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit("redis-server does not answer")
def lost(policy, port):
    server, s, f = start(policy, port)
    acknowledged, end = 0, time.monotonic() + 3.5
    while time.monotonic() < end:
        s.sendall(b"INCR n\r\n")
        acknowledged = int(f.readline()[1:])
        time.sleep(0.001)
    server.kill()
    server.wait()
    server, s, f = start(policy, port)
    s.sendall(b"GET n\r\n")
    n = int(f.readline()[1:])
    kept = int(f.readline()) if n > 0 else 0
    server.kill()
    server.wait()
    print(f"appendfsync {policy}: {acknowledged} acknowledged, " +
          ("all are there" if kept == acknowledged else "after the kill a part of them is gone"))
    return acknowledged - kept
ports = []
for _ in range(2):
    with socket.create_server(("127.0.0.1", 0)) as s:
        ports.append(s.getsockname()[1])
sys.exit(not (lost("everysec", ports[0]) > 0 and lost("no", ports[1]) == 0))
PY
mkdir everysec no
python3 try.py

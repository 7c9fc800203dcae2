#!/usr/bin/env bash
# A mosquitto that is to be reached by WebSocket only: its configuration has one listener, of that kind.
# Guess: it starts.
# Seen: it opens the port, says "Unable to start any listening sockets" and ends with 1. It does not count
# WebSocket listeners; with any other listener beside it (a Unix socket will do) it runs and serves both.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download mosquitto=2.0.11-1.2+deb12u2 >/dev/null
dpkg-deb -x ./*.deb root
port=$(python3 -c '
import random, socket
while True:  # below the ports that the kernel hands out
    try:
        print(socket.create_server(("127.0.0.1", random.randrange(20000, 32000))).getsockname()[1])
        break
    except OSError:
        pass')
printf 'listener %s 127.0.0.1\nprotocol websockets\nallow_anonymous true\nuser root\n' "$port" >alone.conf
{ cat alone.conf; printf 'listener 0 %s\n' "$t/unix.sock"; } >beside.conf
code=0
timeout 10 root/usr/sbin/mosquitto -c alone.conf >alone.log 2>&1 || code=$?
echo "alone: exit code $code: $(tail -1 alone.log)"
root/usr/sbin/mosquitto -c beside.conf >beside.log 2>&1 &
python3 - "$port" "$code" <<'PY'
import socket, sys, time
for _ in range(100):
    try:
        c = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
c.sendall(b"GET /mqtt HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
          b"Sec-WebSocket-Protocol: mqtt\r\n\r\n")
status = c.recv(1000).split(b"\r\n")[0].decode()
print("with a Unix socket beside it:", status)
sys.exit(0 if sys.argv[2] == "1" and " 101 " in status else "this has changed")
PY
grep -q 'Unable to start any listening sockets' alone.log || { echo "this has changed" >&2; exit 1; }

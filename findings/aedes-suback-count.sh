#!/usr/bin/env bash
# One SUBSCRIBE asks twice for the same topic filter, first with QoS 0, then with QoS 1. A SUBACK has one
# return code for each filter asked for, in their order (MQTT 3.1.1, 3.9.3).
# Guess: two codes come back.
# Seen: from mosquitto, yes; aedes drops the repeated filter before it counts and sends one code, so that a
# client which reads its grants by position takes them for another filter's: asked for a, a, b it gets two.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download mosquitto=2.0.11-1.2+deb12u2 >/dev/null
dpkg-deb -x ./*.deb root
npm install --silent --no-audit --no-fund --no-package-lock aedes@1.2.0
printf 'listener 0 %s\nallow_anonymous true\nuser root\n' "$t/mosquitto.sock" >mosquitto.conf
root/usr/sbin/mosquitto -c mosquitto.conf >mosquitto.log 2>&1 &
cat >broker.mjs <<'JS'
import { Aedes } from 'aedes'
import net from 'node:net'
const broker = await Aedes.createBroker()
net.createServer(broker.handle).listen('aedes.sock')
JS
node broker.mjs &
python3 - <<'PY'
import socket, sys, time
def text(s):
    return len(s).to_bytes(2, "big") + s
def packet(first, body):
    return bytes([first, len(body)]) + body
def dial(path):
    c = socket.socket(socket.AF_UNIX)
    c.settimeout(10)
    for _ in range(300):
        try:
            c.connect(path)
            return c
        except OSError:
            time.sleep(0.1)
    sys.exit("no broker")
def read(c):
    head = c.recv(2, socket.MSG_WAITALL)
    return head + c.recv(head[1], socket.MSG_WAITALL)
def grants(path, *filters):
    with dial(path) as c:
        c.sendall(packet(0x10, text(b"MQTT") + b"\4\2\0\x3c" + text(b"one")))
        read(c)
        c.sendall(packet(0x82, b"\0\1" + b"".join(text(f) + bytes([q]) for f, q in filters)))
        return list(read(c)[4:])
seen = {}
for name, path in (("mosquitto 2.0.11", "mosquitto.sock"), ("aedes 1.2.0", "aedes.sock")):
    seen[name] = [grants(path, (b"a", 0), (b"a", 1)), grants(path, (b"a", 0), (b"a", 1), (b"b", 0))]
    print(f"{name}: SUBACK for a, a: {seen[name][0]}; for a, a, b: {seen[name][1]}")
sys.exit(0 if list(seen.values()) == [[[0, 1], [0, 1, 0]], [[1], [1, 0]]] else "this has changed")
PY

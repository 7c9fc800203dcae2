#!/usr/bin/env bash
# A client with a kept session (clean session 0) loses its connection before it has acknowledged a message
# of QoS 1, and comes back.
# Guess: the message comes again with its packet id and the DUP flag, which MQTT 3.1.1, 3.3.1.1, demands.
# Seen: mosquitto does so; aedes sends it again with DUP 0. A receiver that takes DUP for "perhaps seen
# before" acts twice.
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
def dial(path, client):
    c = socket.socket(socket.AF_UNIX)
    c.settimeout(10)
    for _ in range(300):
        try:
            c.connect(path)
            break
        except OSError:
            time.sleep(0.1)
    c.sendall(packet(0x10, text(b"MQTT") + b"\4\0\0\x3c" + text(client)))
    return c, read(c)[2]
def read(c):
    head = c.recv(2, socket.MSG_WAITALL)
    return head + c.recv(head[1], socket.MSG_WAITALL)
def run(path):
    receiver, _ = dial(path, b"receiver")
    receiver.sendall(packet(0x82, b"\0\1" + text(b"a") + b"\1"))
    read(receiver)
    sender, _ = dial(path, b"sender")
    sender.sendall(packet(0x32, text(b"a") + b"\0\7x"))
    first = read(receiver)
    receiver.close()
    time.sleep(0.5)
    receiver, present = dial(path, b"receiver")
    second = read(receiver)
    assert first[4:] == second[4:], (first, second)
    return present, first[0] >> 3 & 1, second[0] >> 3 & 1
seen = {}
for name, path in (("mosquitto 2.0.11", "mosquitto.sock"), ("aedes 1.2.0", "aedes.sock")):
    seen[name] = run(path)
    print("{}: session present {}, DUP {} at first, {} again, with the same packet id".format(name, *seen[name]))
sys.exit(0 if list(seen.values()) == [(1, 0, 1), (1, 0, 0)] else "this has changed")
PY

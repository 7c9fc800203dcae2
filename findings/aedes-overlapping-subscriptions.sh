#!/usr/bin/env bash
# One MQTT client subscribes to "a/#" with QoS 0 and to "a/+" with QoS 1, and a message for "a/b"
# comes with QoS 1.
# Guess: it is delivered with the largest QoS of the subscriptions that match (MQTT 3.1.1, 3.3.5).
# Seen: mosquitto does so; aedes delivers once with QoS 0,
# whichever of the two filters comes first. Whoever adds a wildcard for watching
# takes the guarantee away from his own other subscription.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download mosquitto=2.0.11-1.2+deb12u2 >/dev/null
dpkg-deb -x ./*.deb root
npm install --silent --no-audit --no-fund --no-package-lock aedes@1.2.0
read -r mosquitto_port aedes_port < <(python3 - <<'PY'
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[s.getsockname()[1] for s in held])
PY
)
printf 'listener %s 127.0.0.1\nallow_anonymous true\nuser root\n' "$mosquitto_port" >mosquitto.conf
root/usr/sbin/mosquitto -c mosquitto.conf >mosquitto.log 2>&1 &
cat >broker.mjs <<'JS'
import { Aedes } from 'aedes'
import net from 'node:net'
const broker = await Aedes.createBroker()
net.createServer(broker.handle).listen(+process.argv[2], '127.0.0.1')
JS
node broker.mjs "$aedes_port" &
cat >mqtt.py <<'PY'
import socket, sys, time
def text(s):
    return len(s).to_bytes(2, "big") + s
def packet(first, body):
    return bytes([first, len(body)]) + body
CONNECT = packet(0x10, text(b"MQTT") + b"\4\2\0\x3c" + text(b"one"))
PING = b"\xc0\0"
def subscribe(*filters):
    return packet(0x82, b"\0\1" + b"".join(text(f) + bytes([q]) for f, q in filters))
def publish(topic, payload, qos=0):
    return packet(0x30 | qos << 1, text(topic) + (b"\0\7" if qos else b"") + payload)
def dial(port):
    for _ in range(300):
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit("no broker")
def run(port, *writes):
    """What comes, packet by packet, until it is silent for two seconds."""
    got, packets = b"", []
    with dial(port) as c:
        for w in writes:
            c.sendall(w)
            time.sleep(0.3)
        c.settimeout(2)
        try:
            while chunk := c.recv(4096):
                got += chunk
        except TimeoutError:
            pass
    while got:
        packets.append(got[:2 + got[1]].hex())
        got = got[2 + got[1]:]
    return packets
PY
python3 - "$mosquitto_port" "$aedes_port" <<'PY'
import sys
sys.path.insert(0, ".")
from mqtt import *
def qos(port, *filters):
    packets = run(port, CONNECT, subscribe(*filters), publish(b"a/b", b"x", 1))
    return [(int(p[:2], 16) >> 1) & 3 for p in packets if p[0] == "3"]
wide, narrow = (b"a/#", 0), (b"a/+", 1)
seen = {}
for name, port in zip(("mosquitto 2.0.11", "aedes 1.2.0"), map(int, sys.argv[1:])):
    seen[name] = [qos(port, wide, narrow), qos(port, narrow, wide)]
    print(name, "delivers with QoS", *seen[name])
sys.exit(0 if list(seen.values()) == [[[1], [1]], [[0], [0]]] else "this has changed")
PY

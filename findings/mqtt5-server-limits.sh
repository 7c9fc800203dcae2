#!/usr/bin/env bash
# In MQTT 5 a server states its limits in the CONNACK: the keep-alive it wants, how many messages may be unacknowledged, the
# largest QoS and packet, whether it keeps retained messages. A client must keep to each (section 3.2.2.3), or it is cut off.
# Guess: clients that offer MQTT 5 do, as libmosquitto does; the program need not look.
# Seen: paho keeps to none of the five, so a server that asks for a shorter keep-alive drops it while it is silent.
# mqtt.js keeps to the keep-alive only. Both leave the limits to the program, and report success for what they sent.
# libmosquitto (mosquitto_pub and _sub) keeps to all, and sends a retained message without its flag and without a word.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download mosquitto-clients=2.0.11-1.2+deb12u2 libmosquitto1=2.0.11-1.2+deb12u2 \
    libcjson1 python3-paho-mqtt=1.6.1-1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock mqtt@5.16.0
cat >with_paho.py <<'PY'
import sys, threading, time
from paho.mqtt import client as mqtt
port, count, size, qos, retain = map(int, sys.argv[1:])
there = threading.Event()
client = mqtt.Client(protocol=mqtt.MQTTv5)
client.on_connect = lambda *_: there.set()
client.connect("127.0.0.1", port, keepalive=60)
client.loop_start()
there.wait(20)
for _ in range(count):
    client.publish("pump-07/state", "x" * size, qos=qos, retain=bool(retain))
time.sleep(20)
PY
cat >with-mqtt.js <<'JS'
const [port, count, size, qos, retain] = process.argv.slice(2).map(Number)
const client = require('mqtt').connect({ host: '127.0.0.1', port, protocolVersion: 5, keepalive: 60 })
client.on('error', () => {})
client.on('connect', () => {
    for (let i = 0; i < count; i++) client.publish('pump-07/state', 'x'.repeat(size), { qos, retain: retain === 1 })
})
JS
cat >run.py <<'PY'
import glob, os, socket, subprocess, sys, time
here = os.getcwd()
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(here + "/root/usr/lib/*-linux-gnu*")[0],
                            "PYTHONPATH": here + "/root/usr/lib/python3/dist-packages"}
def packet(c):  # of the client's: first byte
    first = c.recv(1)
    if not first:
        raise EOFError
    length = shift = 0
    while True:
        byte = c.recv(1)[0]
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    c.recv(length, socket.MSG_WAITALL)
    return first[0]
def run(command, properties, count, size, qos, retain):  # the packets in 4 s behind CONNACK; nothing is acknowledged
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(30)
        port = str(s.getsockname()[1])
        if "mosquitto" in command[0]:
            command = [*command, "-p", port, "-q", str(qos), *["-r"] * retain, *["-l"] * (count > 0)]
        else:
            command = [*command, port, str(count), str(size), str(qos), str(retain)]
        client = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        client.stdin.write((b"x" * size + b"\n") * count)
        client.stdin.flush()  # and stays open: mosquitto_pub -l goes on
        packets = []
        try:
            with s.accept()[0] as c:
                packet(c)
                c.sendall(b"\x20" + bytes([3 + len(properties), 0, 0, len(properties)]) + properties)
                end = time.monotonic() + 4
                while (left := end - time.monotonic()) > 0:
                    c.settimeout(left)
                    packets.append(packet(c))
        except (TimeoutError, EOFError):
            pass
        finally:
            client.kill()
            client.wait()
            client.stdin.close()
        return packets
def kept(command):
    idle = [command[0].replace("_pub", "_sub"), *command[1:]]
    alive = 0xC0 in run(idle, b"\x13\0\2", 0, 0, 0, 0)
    flying = run(command, b"\x21\0\1", 3, 9, 1, 0)
    qos = run(command, b"\x24\0", 1, 9, 1, 0)
    retain = run(command, b"\x25\0", 1, 9, 0, 1)
    large = run(command, b"\x27\0\0\0\x32", 1, 300, 0, 0)
    return [alive, flying.count(0x32) == 1, 0x32 not in qos, 0x31 not in retain, 0x30 not in large], 0x30 in retain
clients = {"paho 1.6.1": ["/usr/bin/python3", "with_paho.py"], "mqtt.js 5.16.0": ["node", "with-mqtt.js"],
           "libmosquitto 2.0.11": ["root/usr/bin/mosquitto_pub", "-V", "5", "-k", "60", "-t",
                                   "pump-07/state"]}
limits = ("keep-alive", "receive maximum", "maximum QoS", "retain available", "maximum packet size")
seen = {}
for name, command in clients.items():
    seen[name] = kept(command)
    print(name + ": " + ", ".join(f"{limit} {'kept' if yes else 'ignored'}" for limit, yes in zip(limits, seen[name][0])),
          "(sent without the flag)" if seen[name][1] else "", flush=True)
expected = [([False] * 5, False), ([True] + [False] * 4, False), ([True] * 5, True)]
sys.exit(0 if list(seen.values()) == expected else "this has changed")
PY
timeout 300 /usr/bin/python3 run.py

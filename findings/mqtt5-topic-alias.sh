#!/usr/bin/env bash
# An MQTT 5 client on a narrow line says "topic alias maximum 10" when it connects: the broker may then send a topic once, with
# a number, and only the number with each further message (section 3.3.2.3.4).
# Guess: a client that lets its user offer this can read it.
# Seen: mqtt.js can. paho hands over the second message with the topic "", past the callbacks for that topic.
# mosquitto_sub takes the option, offers it, and ends with "protocol error" at the second message. Without the offer the
# broker does not shorten, so the option must not be used.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download mosquitto-clients=2.0.11-1.2+deb12u2 libmosquitto1=2.0.11-1.2+deb12u2 \
    libcjson1 python3-paho-mqtt=1.6.1-1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock mqtt@5.16.0
cat >with_paho.py <<'PY'
import sys
from paho.mqtt import client as mqtt, packettypes, properties
offer = properties.Properties(packettypes.PacketTypes.CONNECT)
offer.TopicAliasMaximum = 10
client = mqtt.Client(protocol=mqtt.MQTTv5)
client.on_connect = lambda *_: client.subscribe("pump-07/#")
client.on_message = lambda c, u, m: print(m.topic or "(none)", m.payload.decode(), flush=True)
client.connect("127.0.0.1", int(sys.argv[1]), properties=offer)
client.loop_forever()
PY
cat >with-mqtt.js <<'JS'
const options = { host: '127.0.0.1', port: process.argv[2], protocolVersion: 5, properties: { topicAliasMaximum: 10 } }
const client = require('mqtt').connect(options)
client.on('error', () => {})
client.on('message', (topic, message) => console.log(topic, String(message)))
client.on('connect', () => client.subscribe('pump-07/#'))
JS
cat >run.py <<'PY'
import glob, os, socket, subprocess, sys
here = os.getcwd()
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(here + "/root/usr/lib/*-linux-gnu*")[0],
                            "PYTHONPATH": here + "/root/usr/lib/python3/dist-packages"}
def packet(c):  # of the client's, all shorter than 128 bytes
    head = c.recv(2, socket.MSG_WAITALL)
    return c.recv(head[1], socket.MSG_WAITALL)
def publish(topic, properties, message):
    body = len(topic).to_bytes(2, "big") + topic + bytes([len(properties)]) + properties + message
    return b"\x30" + bytes([len(body)]) + body
first, second, plain = (publish(b"pump-07/state", b"\x23\0\1", b"one"), publish(b"", b"\x23\0\1", b"two"),
                        publish(b"pump-07/level", b"", b"three"))
def received(command):
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(20)
        client = subprocess.Popen([word.replace("PORT", str(s.getsockname()[1])) for word in command], env=environment,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        with s.accept()[0] as c:
            assert b"\x22\0\x0a" in packet(c)  # the offer
            c.sendall(b"\x20\3\0\0\0")
            subscribe = packet(c)
            c.sendall(b"\x90\4" + subscribe[:2] + b"\0\0" + first + second + plain)
            try:
                client.wait(4)
            except subprocess.TimeoutExpired:
                client.kill()
        return client.communicate()[0].strip().split("\n")
clients = {"mosquitto_sub 2.0.11": ["root/usr/bin/mosquitto_sub", "-V", "5", "-p", "PORT", "-v", "-t", "pump-07/#",
                                    "-D", "connect", "topic-alias-maximum", "10"],
           "paho 1.6.1": ["/usr/bin/python3", "with_paho.py", "PORT"], "mqtt.js 5.16.0": ["node", "with-mqtt.js", "PORT"]}
expected = [["pump-07/state one", "Error: A network protocol error occurred when communicating with the broker."],
            ["pump-07/state one", "(none) two", "pump-07/level three"],
            ["pump-07/state one", "pump-07/state two", "pump-07/level three"]]
seen = []
for name, command in clients.items():
    seen.append(received(command))
    print(f"{name}: {'; '.join(seen[-1])}", flush=True)
sys.exit(0 if seen == expected else "this has changed")
PY
timeout 100 /usr/bin/python3 run.py

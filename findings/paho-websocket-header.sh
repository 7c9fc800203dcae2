#!/usr/bin/env bash
# MQTT over WebSockets with paho, and a gateway that adds a field to its 101 answer, X-Connection-Id: 7, for its log, or
# writes its fields without the blank behind the colon, which is optional (RFC 9112, section 5).
# Guess: fields that a client does not know do not matter, and a blank does not either, as with mqtt.js.
# Seen: paho looks for the *word* "connection" anywhere in each line and wants "upgrade" in the same one: the added field is
# "connection not upgraded". Without blanks it raises IndexError, "list index out of range".
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download python3-paho-mqtt=1.6.1-1 >/dev/null
dpkg-deb -x ./*.deb root
npm install --silent --no-audit --no-fund --no-package-lock mqtt@5.16.0
cat >with_paho.py <<'PY'
import sys
from paho.mqtt import client as mqtt
client = mqtt.Client(transport="websockets")
client.ws_set_options(path="/mqtt")
try:
    client.connect("127.0.0.1", int(sys.argv[1]))
except Exception as e:
    print(f"{type(e).__name__}: {e}")
else:
    print("connected")
PY
cat >with-mqtt.js <<'JS'
const client = require('mqtt').connect(`ws://127.0.0.1:${process.argv[2]}/mqtt`)
const end = what => { console.log(what); process.exit() }
client.on('connect', () => end('connected'))
client.on('error', e => end(e.message))
JS
cat >run.py <<'PY'
import base64, hashlib, os, re, socket, subprocess, sys
environment = os.environ | {"PYTHONPATH": os.getcwd() + "/root/usr/lib/python3/dist-packages"}
def answered(command, change):
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(30)
        client = subprocess.Popen([*command, str(s.getsockname()[1])], env=environment, stdout=subprocess.PIPE, text=True)
        with s.accept()[0] as c:
            head = b""
            while b"\r\n\r\n" not in head:
                head += c.recv(4096)
            key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)[1]
            accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
            fields = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Protocol: mqtt",
                      "Sec-WebSocket-Accept: " + accept]
            c.sendall("\r\n".join(["HTTP/1.1 101 Switching Protocols", *change(fields), "", ""]).encode())
            c.sendall(b"\x82\4\x20\2\0\0")  # CONNACK
            return client.communicate(timeout=30)[0].strip()
changes = {"plain": lambda fields: fields, "one more field": lambda fields: [*fields, "X-Connection-Id: 7"],
           "no blanks": lambda fields: [field.replace(": ", ":") for field in fields]}
clients = {"paho 1.6.1": ["/usr/bin/python3", "with_paho.py"], "mqtt.js 5.16.0": ["node", "with-mqtt.js"]}
expected = [["connected", "WebsocketConnectionError: WebSocket handshake error, connection not upgraded",
             "IndexError: list index out of range"], ["connected"] * 3]
seen = []
for name, command in clients.items():
    seen.append([answered(command, change) for change in changes.values()])
    print(f"{name}: " + "; ".join(f"{how}: {what}" for how, what in zip(changes, seen[-1])), flush=True)
sys.exit(0 if seen == expected else "this has changed")
PY
timeout 100 /usr/bin/python3 run.py

#!/usr/bin/env bash
# A broker that restarts says so in MQTT 5: DISCONNECT with 0x8b, "server shutting down", then it closes the connection.
# Guess: a client hands the code on and connects anew, as after a torn connection.
# Seen: mosquitto_sub, which comes back after a torn connection, ends with exit code 0 and without a word (and calls a
# DISCONNECT without a code, which means 0x00, a protocol error). paho comes back, but has lost the code: on_disconnect gets
# 7, "connection lost"; it reads the code only if a property follows. mqtt.js does both. A broker that wants
# all its subscribers back just closes.
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
from paho.mqtt import client as mqtt
client = mqtt.Client(protocol=mqtt.MQTTv5)
client.on_connect = lambda *_: client.subscribe("pump-07/command", 1)
client.on_disconnect = lambda c, u, code, p: print(f"{getattr(code, 'value', code):#04x}", flush=True)
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_forever()
PY
cat >with-mqtt.js <<'JS'
const client = require('mqtt').connect({ host: '127.0.0.1', port: process.argv[2], protocolVersion: 5, reconnectPeriod: 500 })
client.on('error', () => {})
client.on('connect', () => client.subscribe('pump-07/command'))
client.on('disconnect', packet => console.log('0x' + packet.reasonCode.toString(16).padStart(2, '0')))
JS
cat >run.py <<'PY'
import glob, os, socket, subprocess, sys
here = os.getcwd()
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(here + "/root/usr/lib/*-linux-gnu*")[0],
                            "PYTHONPATH": here + "/root/usr/lib/python3/dist-packages"}
def packet(c):  # of the client's, all shorter than 128 bytes
    head = c.recv(2, socket.MSG_WAITALL)
    return head[0], c.recv(head[1], socket.MSG_WAITALL)
def end(command, disconnect):
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(20)
        client = subprocess.Popen([word.replace("PORT", str(s.getsockname()[1])) for word in command], env=environment,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        with s.accept()[0] as c:
            packet(c)
            c.sendall(b"\x20\3\0\0\0")
            subscribe = packet(c)[1]
            c.sendall(b"\x90\4" + subscribe[:2] + b"\0\1" + disconnect)
            c.shutdown(socket.SHUT_WR)
            while c.recv(100):  # what the client still says
                pass
        try:
            s.settimeout(0.2)
            for _ in range(50):
                try:
                    s.accept()[0].close()
                    back = "comes back"
                    break
                except TimeoutError:
                    if client.poll() is not None:
                        back = f"exit code {client.returncode}"
                        break
            else:
                back = "stays away"
        finally:
            client.kill()
        said = client.stdout.read().split()
        client.wait()
        return back + (f", {said[0]}" if said and said[0].startswith("0x") else "")
clients = {"mosquitto_sub 2.0.11": ["root/usr/bin/mosquitto_sub", "-V", "5", "-p", "PORT", "-t", "pump-07/command"],
           "paho 1.6.1": ["/usr/bin/python3", "with_paho.py", "PORT"], "mqtt.js 5.16.0": ["node", "with-mqtt.js", "PORT"]}
ways = {"closed only": b"", "no code": b"\xe0\0", "0x8b": b"\xe0\1\x8b", "0x8b and its reason": b"\xe0\7\x8b\5\x1f\0\2by"}
expected = [["comes back", "exit code 2", "exit code 0", "exit code 0"],
            ["comes back, 0x07", "comes back, 0x07", "comes back, 0x07", "comes back, 0x8b"],
            ["comes back", "comes back, 0x00", "comes back, 0x8b", "comes back, 0x8b"]]
seen = []
for name, command in clients.items():
    seen.append([end(command, way) for way in ways.values()])
    print(name + ": " + "; ".join(f"{way}: {what}" for way, what in zip(ways, seen[-1])), flush=True)
sys.exit(0 if seen == expected else "this has changed")
PY
timeout 200 /usr/bin/python3 run.py

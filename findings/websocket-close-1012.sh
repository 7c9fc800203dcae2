#!/usr/bin/env bash
# A server that restarts closes its WebSockets with 1012, "service restart", which stands in IANA's
# registry of close codes (RFC 6455, section 7.4.2, lets registered codes be used).
# Guess: clients hand the code on.
# Seen: Debian 12's python3-websocket raises a protocol error, as for garbage, and
# faye-websocket tells its user 1002 with the server's reason text and answers 1002. So they take an
# orderly restart for a broken server. ws hands 1012 on.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download python3-websocket=1.2.3-1 >/dev/null
dpkg-deb -x ./*.deb root
npm install --silent --no-audit --no-fund --no-package-lock ws@8.23.0 faye-websocket@0.11.4
cat >client.py <<'PY'
import sys
import websocket
w = websocket.create_connection(f"ws://127.0.0.1:{sys.argv[1]}/", timeout=10)
try:
    print("python3-websocket", websocket.__version__, *w.recv_data())
except websocket.WebSocketException as e:
    print("python3-websocket", websocket.__version__, type(e).__name__, e)
PY
cat >client.js <<'JS'
const [, , name, port] = process.argv, url = `ws://127.0.0.1:${port}/`
const Client = name === 'ws' ? require('ws') : require('faye-websocket').Client
const w = new Client(url)
w.onerror = e => console.log(name, 'error', e.message)
w.onclose = e => console.log(name, 'close', e.code, e.reason)
JS
cat >run.py <<'PY'
import base64, hashlib, os, socket, struct, subprocess, sys
def answer(c):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += c.recv(1)
    key = next(l.split(b":")[1].strip() for l in head.split(b"\r\n") if l.lower().startswith(b"sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    c.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + b"\x88\x09" + struct.pack(">H", 1012) + b"restart")
    c.recv(100)
def run(*command):
    with socket.create_server(("127.0.0.1", 0)) as s:
        client = subprocess.Popen([*command, str(s.getsockname()[1])], stdout=subprocess.PIPE, text=True)
        with s.accept()[0] as c:
            answer(c)
        return client.communicate(timeout=60)[0].strip()
seen = [run("/usr/bin/python3", "client.py"), run("node", "client.js", "faye-websocket"), run("node", "client.js", "ws")]
print(*seen, sep="\n")
sys.exit(0 if seen == ["python3-websocket 1.2.3 WebSocketProtocolException Invalid close opcode.",
                       "faye-websocket close 1002 restart", "ws close 1012 restart"] else "this has changed")
PY
PYTHONPATH=$t/root/usr/lib/python3/dist-packages /usr/bin/python3 run.py

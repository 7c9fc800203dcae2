#!/usr/bin/env bash
# The answer to a WebSocket handshake says "Connection: keep-alive, Upgrade". RFC 6455, section 4.1, wants
# a Connection field that *contains* the token "Upgrade", so that a proxy may add one of its own.
# Guess: clients look for the token, as ws, websockets and websocket-client do.
# Seen: aiohttp, tornado, ws4py, websocket and faye-websocket compare the whole value and fail. So a
# server sends "Connection: Upgrade", alone, and a proxy in front of it has to leave it so.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download python3-tornado=6.2.0-3+deb12u4 python3-aiohttp=3.8.4-1+deb12u2 \
    python3-ws4py=0.5.1+dfsg1-2 python3-websocket=1.2.3-1 python3-websockets=10.4-1 python3-aiosignal \
    python3-async-timeout python3-attr python3-frozenlist python3-multidict python3-yarl python3-idna \
    python3-charset-normalizer python3-typing-extensions >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock ws@8.23.0 websocket@1.0.35 faye-websocket@0.11.4
cat >client.py <<'PY'
import asyncio, sys, warnings
warnings.simplefilter("ignore")
name, url = sys.argv[1], f"ws://127.0.0.1:{sys.argv[2]}/"
async def with_websockets():
    import websockets
    async with websockets.connect(url, close_timeout=1):
        print("open", flush=True)
async def with_aiohttp():
    import aiohttp
    async with aiohttp.ClientSession() as s, s.ws_connect(url, timeout=1):
        print("open", flush=True)
async def with_tornado():
    import logging, tornado.websocket
    logging.disable()
    await tornado.websocket.websocket_connect(url)
    print("open", flush=True)
async def with_ws4py():
    from ws4py.client.threadedclient import WebSocketClient
    WebSocketClient(url).connect()
    print("open", flush=True)
async def with_websocket_client():
    import websocket
    websocket.create_connection(url, timeout=5)
    print("open", flush=True)
try:
    asyncio.run(globals()["with_" + name]())
except Exception as e:
    print("fails", type(e).__name__, flush=True)
PY
cat >client.js <<'JS'
const [, , name, port] = process.argv, url = `ws://127.0.0.1:${port}/`
const done = what => { console.log(what); process.exit() }
if (name === 'websocket') {
    const c = new (require('websocket').client)()
    c.on('connect', () => done('open')).on('connectFailed', () => done('fails')).connect(url)
} else {
    const w = name === 'ws' ? new (require('ws'))(url) : new (require('faye-websocket').Client)(url)
    w.onopen = () => done('open')
    w.onerror = () => done('fails')
}
JS
cat >run.py <<'PY'
import base64, hashlib, socket, subprocess, sys
def run(connection, *command):
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(30)
        client = subprocess.Popen([*command, str(s.getsockname()[1])], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True)
        with s.accept()[0] as c:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += c.recv(1)
            key = next(l.split(b":")[1].strip() for l in head.split(b"\r\n") if l.lower().startswith(b"sec-websocket-key"))
            accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
            c.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: " + connection +
                      b"\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
            try:
                return client.stdout.readline().split()[0]
            finally:
                client.kill()
                client.wait()
python, node = ["/usr/bin/python3", "client.py"], ["node", "client.js"]
clients = {"websockets": python, "websocket_client": python, "ws": node, "aiohttp": python, "tornado": python,
           "ws4py": python, "websocket": node, "faye": node}
seen = {}
for name, command in clients.items():
    seen[name] = [run(c, *command, name) for c in (b"Upgrade", b"keep-alive, Upgrade")]
    print(f"{name}: Upgrade: {seen[name][0]}; keep-alive, Upgrade: {seen[name][1]}", flush=True)
expected = {n: ["open", "open" if i < 3 else "fails"] for i, n in enumerate(clients)}
sys.exit(0 if seen == expected else "this has changed")
PY
PYTHONPATH=$t/root/usr/lib/python3/dist-packages /usr/bin/python3 run.py

#!/usr/bin/env bash
# A WebSocket server ends with a Close frame that carries no code, as RFC 6455, section 5.5.1, allows and
# as Azure's streaming gateway does.
# Guess: clients report 1005, "no status received" (section 7.1.5), as ws and websockets do.
# Seen: websocket reports 1006 and "Connection dropped by remote peer.", what a torn cable gives;
# faye-websocket reports 1000; aiohttp 0; tornado None. Whoever wants his orderly end understood sends 1000.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download python3-tornado=6.2.0-3+deb12u4 python3-aiohttp=3.8.4-1+deb12u2 \
    python3-websockets=10.4-1 python3-aiosignal python3-async-timeout python3-attr python3-frozenlist \
    python3-multidict python3-yarl python3-idna python3-charset-normalizer python3-typing-extensions >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock ws@8.23.0 websocket@1.0.35 faye-websocket@0.11.4
cat >client.py <<'PY'
import asyncio, sys, warnings
warnings.simplefilter("ignore")
name, url = sys.argv[1], f"ws://127.0.0.1:{sys.argv[2]}/"
async def with_websockets():
    import websockets
    async with websockets.connect(url, close_timeout=1) as w:
        await w.wait_closed()
        return w.close_code
async def with_aiohttp():
    import aiohttp
    async with aiohttp.ClientSession() as s, s.ws_connect(url, timeout=1) as w:
        async for _ in w:
            pass
        return w.close_code
async def with_tornado():
    import tornado.websocket
    w = await tornado.websocket.websocket_connect(url)
    while await w.read_message() is not None:
        pass
    return w.close_code
print(asyncio.run(globals()["with_" + name]()), flush=True)
PY
cat >client.js <<'JS'
const [, , name, port] = process.argv, url = `ws://127.0.0.1:${port}/`
const done = code => { console.log(code); process.exit() }
if (name === 'websocket') {
    const c = new (require('websocket').client)()
    c.on('connect', w => w.on('close', done)).connect(url)
} else {
    const w = name === 'ws' ? new (require('ws'))(url) : new (require('faye-websocket').Client)(url)
    w.onclose = e => done(e.code)
}
JS
cat >run.py <<'PY'
import base64, hashlib, socket, struct, subprocess, sys
def run(payload, *command):
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(30)
        client = subprocess.Popen([*command, str(s.getsockname()[1])], stdout=subprocess.PIPE, text=True)
        with s.accept()[0] as c:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += c.recv(1)
            key = next(l.split(b":")[1].strip() for l in head.split(b"\r\n") if l.lower().startswith(b"sec-websocket-key"))
            accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
            c.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + bytes([0x88, len(payload)]) + payload)
            c.settimeout(10)
            while c.recv(100)[:1] not in (b"\x88", b""):
                pass
            c.shutdown(socket.SHUT_WR)
            return client.communicate(timeout=30)[0].strip()
python, node = ["/usr/bin/python3", "client.py"], ["node", "client.js"]
expected = {"ws": "1005", "websockets": "1005", "websocket": "1006", "faye": "1000", "aiohttp": "0", "tornado": "None"}
changed = False
for name, code in expected.items():
    command = node if name in ("ws", "websocket", "faye") else python
    seen = [run(p, *command, name) for p in (struct.pack(">H", 1000), b"")]
    print(f"{name}: Close with 1000: {seen[0]}; Close without a code: {seen[1]}", flush=True)
    changed |= seen != ["1000", code]
sys.exit("this has changed" if changed else 0)
PY
PYTHONPATH=$t/root/usr/lib/python3/dist-packages /usr/bin/python3 run.py

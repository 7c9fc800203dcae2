#!/usr/bin/env bash
# A WebSocket server compresses its messages, and ends each with a DEFLATE block that has the bit BFINAL set, as compressors
# without a "sync flush" do; RFC 7692, section 7.2.3.4, shows such a message and how to send it.
# Guess: clients read each message, or end the connection.
# Seen: ws reads all. For aiohttp and tornado every message after the first one is empty, without an error, until the
# connection ends; for websockets, and faye-websocket with permessage-deflate, it is so unless the server has agreed to
# server_no_context_takeover. A server that compresses sets no BFINAL.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download python3-tornado=6.2.0-3+deb12u4 python3-aiohttp=3.8.4-1+deb12u2 \
    python3-websockets=10.4-1 python3-aiosignal python3-async-timeout python3-attr python3-frozenlist \
    python3-multidict python3-yarl python3-idna python3-charset-normalizer python3-typing-extensions >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock ws@8.23.0 faye-websocket@0.11.4 permessage-deflate@0.1.7
cat >client.py <<'PY'
import asyncio, sys
name, url = sys.argv[1:]
async def main():
    if name == "websockets":
        import websockets
        async with websockets.connect(url) as c:
            async for message in c:
                print(message)
    elif name == "aiohttp":
        import aiohttp
        async with aiohttp.ClientSession() as s, s.ws_connect(url, compress=15) as c:
            async for message in c:
                print(message.data)
    else:
        from tornado.websocket import websocket_connect
        c = await websocket_connect(url, compression_options={})
        while (message := await c.read_message()) is not None:
            print(message)
asyncio.run(main())
PY
cat >client.cjs <<'JS'
const [, , name, url] = process.argv
if (name === 'ws') {
    new (require('ws'))(url).on('message', message => console.log(String(message)))
} else {
    const client = new (require('faye-websocket').Client)(url, [], { extensions: [require('permessage-deflate')] })
    client.on('message', ({ data }) => console.log(data))
}
JS
cat >run.py <<'PY'
import base64, hashlib, os, socket, subprocess, sys, zlib
environment = os.environ | {"PYTHONPATH": os.getcwd() + "/root/usr/lib/python3/dist-packages"}
clients = {"ws 8.23.0": ["node", "client.cjs", "ws"], "websockets 10.4": ["/usr/bin/python3", "client.py", "websockets"],
           "aiohttp 3.8.4": ["/usr/bin/python3", "client.py", "aiohttp"],
           "tornado 6.2": ["/usr/bin/python3", "client.py", "tornado"], "permessage-deflate 0.1.7": ["node", "client.cjs", "faye"]}
def compressed(text, final):
    c = zlib.compressobj(9, zlib.DEFLATED, -15)
    # as the RFC has it: a final block with a zero byte behind it, or a flushed one without its last four bytes
    return c.compress(text) + (c.flush() + b"\0" if final else c.flush(zlib.Z_SYNC_FLUSH)[:-4])
def received(command, extension, final):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        client = subprocess.Popen([*command, f"ws://127.0.0.1:{server.getsockname()[1]}/"], env=environment, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            with server.accept()[0] as c:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += c.recv(4096)
                key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")).split()[1]
                accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
                c.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          b"Sec-WebSocket-Accept: " + accept + b"\r\nSec-WebSocket-Extensions: " + extension + b"\r\n\r\n")
                for number in range(3):
                    data = compressed(b"message %d" % number, final)
                    c.sendall(bytes((0xc1, len(data))) + data)
                c.sendall(b"\x88\2\x03\xe8")
                c.settimeout(30)
                c.recv(100)  # its own Close
            return client.communicate(timeout=30)[0].splitlines()
        finally:
            client.kill()
            client.wait()
all_, first = [f"message {number}" for number in range(3)], ["message 0", "", ""]
plain, fresh = b"permessage-deflate", b"permessage-deflate; server_no_context_takeover"
changed = False
for name, command in clients.items():
    seen = received(command, fresh, False), received(command, fresh, True), received(command, plain, True)
    print(f"{name}: flushed {seen[0]}, final {seen[1]}, final with context {seen[2]}", flush=True)
    changed |= seen != (all_, first if name[0] in "at" else all_, first if name[:3] != "ws " else all_)
sys.exit("this has changed" if changed else 0)
PY
timeout 200 /usr/bin/python3 run.py

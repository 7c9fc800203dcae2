#!/usr/bin/env bash
# A WebSocket server answers with a subprotocol that the client did not offer; the client has to fail
# the connection (RFC 6455, section 4.1, item 6 of the server's response).
# Guess: every maintained client does, as ws and python3-websockets do.
# Seen: tornado goes on and reports the server's word as selected_subprotocol, even a list with a
# comma; aiohttp goes on without any. A program that speaks what was "agreed" has to compare itself.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download python3-tornado=6.2.0-3+deb12u4 python3-aiohttp=3.8.4-1+deb12u2 \
    python3-websockets=10.4-1 python3-aiosignal python3-async-timeout python3-attr python3-frozenlist \
    python3-multidict python3-yarl python3-idna python3-charset-normalizer python3-typing-extensions >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >run.py <<'PY'
import asyncio, base64, hashlib, sys, warnings
warnings.simplefilter("ignore")
import aiohttp, tornado, tornado.websocket, websockets
async def serve(reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    key = next(l.split(b":")[1].strip() for l in head.split(b"\r\n") if l.lower().startswith(b"sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Accept: " + accept + b"\r\nSec-WebSocket-Protocol: third\r\n\r\n")
    await reader.read()
    writer.close()
async def with_tornado(port):
    w = await tornado.websocket.websocket_connect(f"ws://127.0.0.1:{port}/", subprotocols=["first", "second"])
    return f"goes on with {w.selected_subprotocol}"
async def with_aiohttp(port):
    async with aiohttp.ClientSession() as s:
        async with s.ws_connect(f"http://127.0.0.1:{port}/", protocols=["first", "second"], timeout=1) as w:
            return f"goes on with {w.protocol}"
async def with_websockets(port):
    async with websockets.connect(f"ws://127.0.0.1:{port}/", subprotocols=["first", "second"]):
        return "goes on"
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    seen = {}
    for name, client in ((f"tornado {tornado.version}", with_tornado), (f"aiohttp {aiohttp.__version__}", with_aiohttp),
                         (f"websockets {websockets.__version__}", with_websockets)):
        try:
            seen[name] = await asyncio.wait_for(client(port), 20)
        except Exception as e:
            seen[name] = f"{type(e).__name__}: {e}"
        print(f"{name}: {seen[name]}", flush=True)
    return list(seen.values())
seen = asyncio.run(main())
sys.exit(0 if seen == ["goes on with third", "goes on with None",
                       "NegotiationError: unsupported subprotocol: third"] else "this has changed")
PY
PYTHONPATH=$t/root/usr/lib/python3/dist-packages /usr/bin/python3 run.py

#!/usr/bin/env bash
# A WebSocket client offers two subprotocols in two Sec-WebSocket-Protocol lines, which RFC 6455, section
# 11.3.4, makes the same as one line with a comma, and a server that knows the second one.
# Guess: it is chosen, as tornado and websockets do.
# Seen: aiohttp's server reads the first line only and answers 101 without a subprotocol, upon which a client
# that needs one hangs up. Offer all in one line.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download python3-tornado=6.2.0-3+deb12u4 python3-aiohttp=3.8.4-1+deb12u2 \
    python3-websockets=10.4-1 python3-aiosignal python3-async-timeout python3-attr python3-frozenlist \
    python3-multidict python3-yarl python3-idna python3-charset-normalizer python3-typing-extensions >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >run.py <<'PY'
import asyncio, sys
import aiohttp, tornado, tornado.web, tornado.websocket, websockets
from aiohttp import web
async def serve_websockets():
    s = await websockets.serve(lambda w: w.wait_closed(), "127.0.0.1", 0, subprotocols=["mqtt"], close_timeout=1)
    return s.sockets[0].getsockname()[1]
async def serve_aiohttp():
    async def handle(request):
        w = web.WebSocketResponse(protocols=["mqtt"])
        await w.prepare(request)
        return w
    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner.addresses[0][1]
async def serve_tornado():
    class Handler(tornado.websocket.WebSocketHandler):
        def select_subprotocol(self, offered):
            return "mqtt" if "mqtt" in offered else None
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
    tornado.httpserver.HTTPServer(tornado.web.Application([("/", Handler)])).add_sockets(sockets)
    return sockets[0].getsockname()[1]
async def chosen(port, *lines):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
                 b"".join(b"Sec-WebSocket-Protocol: " + l + b"\r\n" for l in lines) + b"\r\n")
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    writer.close()
    assert head[0].split()[1] == "101", head[0]
    return next((l.split(": ")[1] for l in head if l.lower().startswith("sec-websocket-protocol")), "none")
async def main():
    seen = []
    for name, serve in ((f"websockets {websockets.__version__}", serve_websockets),
                        (f"tornado {tornado.version}", serve_tornado), (f"aiohttp {aiohttp.__version__}", serve_aiohttp)):
        port = await serve()
        seen.append([await chosen(port, b"first, mqtt"), await chosen(port, b"first", b"mqtt")])
        print(f"{name}: in one line: {seen[-1][0]}; in two lines: {seen[-1][1]}", flush=True)
    return seen
seen = asyncio.run(asyncio.wait_for(main(), 60))
sys.exit(0 if seen == [["mqtt", "mqtt"], ["mqtt", "mqtt"], ["mqtt", "none"]] else "this has changed")
PY
PYTHONPATH=$t/root/usr/lib/python3/dist-packages /usr/bin/python3 run.py

#!/usr/bin/env bash
# Python's WebSocket clients with their keep-alive on, and a server (npm's ws) that answers every ping at once.
# Guess: the connection stays up whatever else the client does.
# Seen: with websockets, yes. aiohttp ends its own healthy connection with 1006 if the program only sends and does not
# wait in receive(). tornado ends it when ping_timeout is not longer than ping_interval.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download python3-tornado=6.2.0-3+deb12u4 python3-aiohttp=3.8.4-1+deb12u2 \
    python3-websockets=10.4-1 python3-aiosignal python3-async-timeout python3-attr python3-frozenlist \
    python3-multidict python3-yarl python3-idna python3-charset-normalizer python3-typing-extensions >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock ws@8.23.0
cat >server.js <<'JS'
const server = new (require('ws').WebSocketServer)({ port: 0, host: '127.0.0.1' }, () => console.log(server.address().port))
JS
mkfifo port
node server.js >port &
read -r port <port
cat >run.py <<'PY'
import asyncio, contextlib, sys, time
import aiohttp, tornado, tornado.websocket, websockets
URL = f"ws://127.0.0.1:{sys.argv[1]}/"
async def send_for(seconds, send, gone):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not gone():
        try:
            await send("x")
        except Exception:
            return "ended"
        await asyncio.sleep(0.2)
    return "ended" if gone() else "up"
async def with_websockets():
    async with websockets.connect(URL, ping_interval=1, ping_timeout=1) as w:
        return await send_for(6, w.send, lambda: w.closed)
async def with_aiohttp(receive):
    async with aiohttp.ClientSession() as s, s.ws_connect(URL, heartbeat=1) as w:
        reader = asyncio.create_task(w.receive()) if receive else None
        result = await send_for(6, w.send_str, lambda: w.closed)
        if reader is not None:
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader
        return f"{result} {w.close_code}" if w.closed else result
async def with_tornado(timeout):
    w = await tornado.websocket.websocket_connect(URL, ping_interval=1, ping_timeout=timeout)
    result = await send_for(6, w.write_message, lambda: w.protocol is None)
    w.close()
    return result
cases = {f"websockets {websockets.__version__}, pings each second, sends only": (with_websockets, (), "up"),
         f"aiohttp {aiohttp.__version__}, heartbeat 1, receives": (with_aiohttp, (True,), "up"),
         f"aiohttp {aiohttp.__version__}, heartbeat 1, sends only": (with_aiohttp, (False,), "ended 1006"),
         f"tornado {tornado.version}, ping_interval 1, ping_timeout 3": (with_tornado, (3,), "up"),
         f"tornado {tornado.version}, ping_interval 1, ping_timeout 1": (with_tornado, (1,), "ended")}
async def main():
    return await asyncio.gather(*(f(*a) for f, a, _ in cases.values()))
changed = False
for (case, (_, _, expected)), seen in zip(cases.items(), asyncio.run(main())):
    print(f"{case}: {seen}")
    changed |= seen != expected
sys.exit("this has changed" if changed else 0)
PY
PYTHONPATH=$t/root/usr/lib/python3/dist-packages timeout 60 /usr/bin/python3 run.py "$port"

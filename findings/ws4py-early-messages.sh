#!/usr/bin/env bash
# ws4py as a WebSocket client, and a server that says something at once, so that its first messages come
# in the segment of its 101.
# Guess: they are delivered, as by websockets, aiohttp, tornado and websocket-client.
# Seen: the first one is; those behind it in the same segment are lost without an error, and what comes
# in a later segment goes on as if nothing was missing.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download python3-ws4py=0.5.1+dfsg1-2 python3-websocket=1.2.3-1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >client.py <<'PY'
import sys
url = f"ws://127.0.0.1:{sys.argv[2]}/"
got = []
if sys.argv[1] == "ws4py":
    from ws4py.client.threadedclient import WebSocketClient
    class Client(WebSocketClient):
        def received_message(self, message):
            got.append(message.data.decode())
    c = Client(url)
    c.connect()
    c.run_forever()
else:
    import websocket
    c = websocket.create_connection(url, timeout=10)
    while (message := c.recv()):
        got.append(message.decode())
print(*got)
PY
cat >run.py <<'PY'
import base64, hashlib, socket, struct, subprocess, sys, time
def frame(opcode, payload):
    return bytes([0x80 | opcode, len(payload)]) + payload
def run(name, joined):
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(20)
        client = subprocess.Popen(["/usr/bin/python3", "client.py", name, str(s.getsockname()[1])],
                                  stdout=subprocess.PIPE, text=True)
        with s.accept()[0] as c:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += c.recv(1)
            key = next(l.split(b":")[1].strip() for l in head.split(b"\r\n") if l.lower().startswith(b"sec-websocket-key"))
            accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
            parts = [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n", frame(2, b"one") + frame(2, b"two"),
                     frame(2, b"three"), frame(8, struct.pack(">H", 1000))]
            if joined:
                parts[:2] = [parts[0] + parts[1]]
            for part in parts:
                c.sendall(part)
                time.sleep(0.3)
            c.shutdown(socket.SHUT_WR)
            said = client.communicate(timeout=20)[0].strip()
    print(f"{name}, {'joined with the 101' if joined else 'in a segment of their own'}: {said}", flush=True)
    return said
seen = [run(n, j) for n in ("ws4py", "websocket-client") for j in (False, True)]
sys.exit(0 if seen == ["one two three", "one three", "one two three", "one two three"] else "this has changed")
PY
PYTHONPATH=$t/root/usr/lib/python3/dist-packages /usr/bin/python3 run.py

#!/usr/bin/env bash
# A name that is written to its end, https://device.example./, as one does to keep search domains out, and a server with a
# certificate for device.example. In TLS the name goes without the dot (RFC 6066, section 3).
# Guess: clients take the dot off, for server_name and for the comparison with the certificate.
# Seen: curl does, and requests. Python's urllib, websockets and paho-mqtt send the dot and then refuse the certificate;
# Node's https sends it and takes the certificate. A server that picks by server_name gets both spellings.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 \
    python3-requests=2.28.1+dfsg-1 python3-urllib3=1.26.12-1+deb12u4 python3-websockets=10.4-1 \
    python3-paho-mqtt=1.6.1-1 python3-idna python3-certifi python3-charset-normalizer python3-chardet python3-six >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=device -addext subjectAltName=DNS:device.example -days 9 \
    -keyout key.pem -out certificate.pem 2>/dev/null
cat >client.py <<'PY'
import asyncio, socket, ssl, sys
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *a, **k: resolve("127.0.0.1", *a, **k)
name, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
context = ssl.create_default_context(cafile="certificate.pem")
if name == "urllib":
    import urllib.request
    urllib.request.urlopen(f"https://{host}:{port}/", context=context, timeout=10).read()
elif name == "requests":
    import requests
    requests.get(f"https://{host}:{port}/", verify="certificate.pem", timeout=10)
elif name == "websockets":
    import websockets
    async def run():
        async with websockets.connect(f"wss://{host}:{port}/", ssl=context):
            pass
    try:
        asyncio.run(run())
    except websockets.InvalidStatusCode:
        pass
else:
    import paho.mqtt.client
    c = paho.mqtt.client.Client()
    c.tls_set_context(context)
    c.connect(host, port)
PY
cat >client.js <<'JS'
const [, , host, port] = process.argv
const lookup = (name, options, done) =>
    options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)
require('https').get({ host, port, lookup, ca: require('fs').readFileSync('certificate.pem') })
    .on('response', () => process.exit(0)).on('error', () => process.exit(1))
JS
cat >run.py <<'PY'
import glob, os, socket, ssl, subprocess, sys, threading
names = []
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("certificate.pem", "key.pem")
context.sni_callback = lambda tls, name, _: names.append(name)
server = socket.create_server(("127.0.0.1", 0))
def serve(c):
    try:
        with context.wrap_socket(c, server_side=True) as tls:
            tls.settimeout(10)
            tls.recv(4096)
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    except OSError:
        c.close()
def accept():
    while True:
        threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
threading.Thread(target=accept, daemon=True).start()
port = str(server.getsockname()[1])
library = os.path.abspath(glob.glob("root/usr/lib/*-linux-gnu*")[0])
packages = os.environ | {"PYTHONPATH": "root/usr/lib/python3/dist-packages", "no_proxy": "*"}
def command(name, host):
    if name == "curl":
        return ["root/usr/bin/curl", "-s", "--cacert", "certificate.pem", "--resolve", f"{host}:{port}:127.0.0.1", f"https://{host}:{port}/"]
    if name == "Node":
        return ["node", "client.js", host, port]
    return ["/usr/bin/python3", "client.py", name, host, port]
def run(name, host):
    names.clear()
    r = subprocess.run(command(name, host), capture_output=True, timeout=60,
                       env=packages | ({"LD_LIBRARY_PATH": library} if name == "curl" else {}))
    return names[-1], "fine" if r.returncode == 0 else "refused"
expected = {"curl": ("device.example", "fine"), "requests": ("device.example", "fine"), "Node": ("device.example.", "fine"),
            "urllib": ("device.example.", "refused"), "websockets": ("device.example.", "refused"),
            "paho-mqtt": ("device.example.", "refused")}
changed = False
for name, words in expected.items():
    plain, dotted = run(name, "device.example"), run(name, "device.example.")
    print(f"{name}: with the dot it sends {dotted[0]}, and the certificate is {dotted[1]}; without it is {plain[1]}", flush=True)
    changed |= dotted != words or plain != ("device.example", "fine")
sys.exit("this has changed" if changed else 0)
PY
/usr/bin/python3 run.py

#!/usr/bin/env bash
# A CoAP client sends more than fits in one packet, in blocks (RFC 7959, Block1). Each block is a request, and a client may
# give each a token of its own, as libcoap does: what belongs together is told by the client's address and the resource.
# Guess: libcoap's coap-client and npm's coap, each as client and as server, take 5000 bytes from each other.
# Seen: three of four pairs do. To npm's server coap-client can send one block only: that server tells by the token what
# belongs together, answers "continue" to each block, and the last one with 5.00, "Byte offset not the next in line...".
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download libcoap3-bin=4.3.1-1 libcoap3=4.3.1-1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock coap@1.5.0
cat >serve.js <<'JS'
const held = {}
const server = require('coap').createServer((request, response) => {
    if (request.method === 'PUT') {
        held[request.url] = request.payload
        response.code = '2.01'
    }
    response.end(request.method === 'GET' ? held[request.url] : undefined)
})
server.listen(Number(process.argv[2]), '127.0.0.1')
JS
cat >put.js <<'JS'
const [, , port, size] = process.argv, Block1 = Buffer.from([6])
const request = require('coap').request({ host: '127.0.0.1', port, method: 'PUT', pathname: '/state', options: { Block1 } })
request.on('response', () => process.exit())
request.end(Buffer.alloc(Number(size), 'x'))
JS
cat >run.py <<'PY'
import glob, os, random, socket, subprocess, sys, time
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(os.getcwd() + "/root/usr/lib/*-linux-gnu*")[0]}
client = ["root/usr/bin/coap-client-notls", "-B", "9"]
def free_port():
    while True:  # below the ports that the kernel hands out
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.bind(("127.0.0.1", random.randrange(20000, 32000)))
                return s.getsockname()[1]
        except OSError:
            pass
def run(*command):
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return (done.stdout + done.stderr).decode(errors="replace").strip()
def pair(server, put, size):
    port = free_port()
    command = {"libcoap": ["root/usr/bin/coap-server-notls", "-A", "127.0.0.1", "-p", str(port), "-d", "9"],
               "npm's coap": ["node", "serve.js", str(port)]}[server]
    uri = f"coap://127.0.0.1:{port}/state"
    p = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if f":{port:04X} " in open("/proc/net/udp").read():
                break
            time.sleep(0.1)
        with open("data", "w") as f:
            f.write("x" * size)
        said = run("node", "put.js", str(port), str(size)) if put == "npm's coap" else run(*client, "-m", "put", "-f", "data", uri)
        held = run(*client, uri)
        return "all there" if held == "x" * size else said
    finally:
        p.kill()
        p.wait()
refusal = "5.00 Byte offset not the next in line..."
expected = {("libcoap", "libcoap"): ["all there"] * 2, ("libcoap", "npm's coap"): ["all there"] * 2,
            ("npm's coap", "npm's coap"): ["all there"] * 2, ("npm's coap", "libcoap"): ["all there", refusal]}
seen = {}
for server, put in expected:
    seen[server, put] = [pair(server, put, size) for size in (1000, 5000)]
    print(f"{put} to {server}: 1000 bytes: {seen[server, put][0]}; 5000 bytes: {seen[server, put][1]}", flush=True)
sys.exit(0 if seen == expected else "this has changed")
PY
timeout 100 /usr/bin/python3 run.py

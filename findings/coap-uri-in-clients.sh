#!/usr/bin/env bash
# One coap:// URI, two clients: libcoap's coap-client and npm's coap. RFC 7252, section 6.4, says step by step which options
# of a request a URI becomes: dot segments resolved, one option for each segment, escapes decoded, empty segments kept.
# Guess: both ask for the same resource.
# Seen: only if the URI is plain. npm's coap sends escapes as they stand, "%", "2", "0", and leaves out empty segments, so
# that /log/ is /log; its server undoes neither: it shows a "/" or "&" inside a segment or query as if it parted two.
# libcoap takes ".." for nothing: /log/../state is /log/state. With both ends of one make it all seems to work.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download libcoap3-bin=4.3.1-1 libcoap3=4.3.1-1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock coap@1.5.0
cat >ask.js <<'JS'
const request = require('coap').request(process.argv[2])
request.on('response', () => process.exit()).end()
JS
cat >serve.js <<'JS'
const server = require('coap').createServer((request, response) => response.end(request.url))
server.listen(0, '127.0.0.1', () => console.log(server._sock.address().port))
JS
cat >run.py <<'PY'
import glob, os, socket, subprocess, sys
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(os.getcwd() + "/root/usr/lib/*-linux-gnu*")[0]}
path, query = 11, 15  # Uri-Path and Uri-Query
def options(packet):  # none of these is longer than 12 bytes, nor its number more than 12 behind the last one's
    at, number, found = 4 + (packet[0] & 15), 0, {path: [], query: []}
    while at < len(packet):
        number, length = number + (packet[at] >> 4), packet[at] & 15
        found.setdefault(number, []).append(packet[at + 1:at + 1 + length].decode(errors="replace"))
        at += 1 + length
    return found[path], found[query]
def asked(uri, command):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(20)
        client = subprocess.Popen([*command, f"coap://127.0.0.1:{s.getsockname()[1]}{uri}"], env=environment,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        packet, address = s.recvfrom(1500)
        token = packet[0] & 15
        s.sendto(bytes([0x60 | token, 0x45]) + packet[2:4 + token], address)
        client.wait(20)
    return options(packet)
coap_client = ["root/usr/bin/coap-client-notls", "-B", "9"]
right = {"/log/1": (["log", "1"], []), "/log/": (["log", ""], []), "/pump%2007": (["pump 07"], []), "/a%2Fb": (["a/b"], []),
         "/log?x=1%262": (["log"], ["x=1&2"]), "/log/../state": (["state"], [])}
seen = {}
for uri in right:
    seen[uri] = [asked(uri, coap_client) == right[uri], asked(uri, ["node", "ask.js"]) == right[uri]]
    print(f"{uri}: coap-client 4.3.1: {'as' if seen[uri][0] else 'not as'} in the RFC, "
          f"npm's coap 1.5.0: {'as' if seen[uri][1] else 'not as'} in the RFC", flush=True)
node = subprocess.Popen(["node", "serve.js"], stdout=subprocess.PIPE, text=True)
try:
    port = node.stdout.readline().strip()
    urls = [subprocess.run([*coap_client, f"coap://127.0.0.1:{port}{uri}"], env=environment, capture_output=True, text=True,
                           timeout=20).stdout.strip() for uri in ("/a%2Fb", "/log?x=1%262")]
finally:
    node.kill()
print(f"npm's server, asked for /a%2Fb and /log?x=1%262 by coap-client, tells its program {' and '.join(urls)}")
expected = {"/log/1": [True, True], "/log/": [True, False], "/pump%2007": [True, False], "/a%2Fb": [True, False],
            "/log?x=1%262": [True, False], "/log/../state": [False, True]}
sys.exit(0 if seen == expected and urls == ["/a/b", "/log?x=1&2"] else "this has changed")
PY
/usr/bin/python3 run.py

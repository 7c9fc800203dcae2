#!/usr/bin/env bash
# OpenTunnel makes a new tunnel each time and has no idempotency token; the connection ends before
# its answer, as when a proxy in between is restarted.
# Guess: the SDKs do not repeat a call that is not idempotent.
# Seen: both do, at once: the JavaScript SDK sends it three times, botocore five times. One command of
# a user may so open five tunnels, and four pairs of tokens are never seen by anybody.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download python3-botocore=1.29.27+repack-1 python3-jmespath \
    python3-dateutil python3-urllib3 python3-six python3-requests python3-charset-normalizer python3-chardet \
    python3-idna python3-certifi >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock @aws-sdk/client-iotsecuretunneling@3.693.0
export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=example AWS_EC2_METADATA_DISABLED=true
cat >client.js <<'JS'
const { IoTSecureTunnelingClient, OpenTunnelCommand } = require('@aws-sdk/client-iotsecuretunneling')
new IoTSecureTunnelingClient({ region: 'us-east-1', endpoint: process.argv[2] })
    .send(new OpenTunnelCommand({})).catch(e => console.log(e.message))
JS
cat >client.py <<'PY'
import sys, botocore.session
client = botocore.session.get_session().create_client("iotsecuretunneling", region_name="us-east-1",
                                                      endpoint_url=sys.argv[1])
try:
    client.open_tunnel()
except Exception as e:
    print(e)
PY
cat >run.py <<'PY'
import socket, subprocess, sys, threading
def run(*command):
    requests = 0
    server = socket.create_server(("127.0.0.1", 0))
    def serve():
        nonlocal requests
        while True:
            with server.accept()[0] as c:
                got = b""
                while not got.endswith(b"{}"):
                    chunk = c.recv(65536)
                    if not chunk:
                        break
                    got += chunk
                requests += b".OpenTunnel" in got
                c.shutdown(socket.SHUT_RDWR)
    threading.Thread(target=serve, daemon=True).start()
    said = subprocess.run([*command, f"http://127.0.0.1:{server.getsockname()[1]}"], capture_output=True, text=True,
                          timeout=120)
    print(f"{command[-1]}: {requests} OpenTunnel requests; {said.stdout.strip()}{said.stderr.strip()}", flush=True)
    return requests
seen = [run("node", "client.js"), run("/usr/bin/python3", "client.py")]
sys.exit(0 if seen == [3, 5] else "this has changed")
PY
PYTHONPATH=$t/root/usr/lib/python3/dist-packages /usr/bin/python3 run.py

#!/usr/bin/env bash
# An IPv6 address as the target of CONNECT: RFC 9110, section 9.3.6, and RFC 3986 want it in brackets, since the port
# follows behind a colon.
# Guess: every client that takes [2001:db8::1]:443 from its user sends it so.
# Seen: curl, ncat, socat, nc and openssl s_client do. wget, rsync and npm's tunnel, tunnel-agent and hpagent take
# the brackets off and send "CONNECT 2001:db8::1:443". A proxy that wants to serve them splits at the last colon.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 \
    ncat=7.93+dfsg1-1 liblua5.3-0 libpcap0.8 socat=1.7.4.4-2 wget=1.21.3-1+deb12u1 rsync=3.5.0+ds1-0+deb12u1 libpopt0 \
    openssl=3.0.22-1~deb12u2 libssl3=3.0.22-1~deb12u2 netcat-openbsd=1.219-1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock tunnel@0.0.6 tunnel-agent@0.6.0 hpagent@1.2.0
PATH="$t/root/usr/bin:$t/root/bin:$PATH"
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export PATH LD_LIBRARY_PATH
cat >agent.js <<'JS'
const [, , name, port] = process.argv, proxy = { host: '127.0.0.1', port }
const agent = name === 'hpagent' ? new (require('hpagent').HttpsProxyAgent)({ proxy: `http://127.0.0.1:${port}` })
    : require(name).httpsOverHttp({ proxy })
require('https').get('https://[2001:db8::1]/', { agent }).on('error', () => {})
JS
cat >run.py <<'PY'
import os, socket, subprocess, sys
ADDRESS = "2001:db8::1"
def target(command, environment):
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(30)
        port = str(s.getsockname()[1])
        base = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        client = subprocess.Popen([w.replace("PORT", port) for w in command], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  env=base | {k: v.replace("PORT", port) for k, v in environment.items()})
        with s.accept()[0] as c:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += c.recv(4096)
            c.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        client.wait(30)
        return head.split()[1].decode()
url, proxy = f"https://[{ADDRESS}]/", "http://127.0.0.1:PORT"
clients = {
    "curl": ["curl", "-sS", "-x", proxy, url],
    "ncat": ["ncat", "--proxy-type", "http", "--proxy", "127.0.0.1:PORT", ADDRESS, "443"],
    "socat": ["socat", "-", f"PROXY:127.0.0.1:[{ADDRESS}]:443,proxyport=PORT"],
    "nc": ["nc.openbsd", "-X", "connect", "-x", "127.0.0.1:PORT", ADDRESS, "443"],
    "openssl": ["openssl", "s_client", "-proxy", "127.0.0.1:PORT", "-connect", f"[{ADDRESS}]:443"],
    "wget": ["wget", "-q", "-t1", "-O-", "-e", f"https_proxy={proxy}", url],
    "rsync": ["rsync", f"rsync://[{ADDRESS}]:443/"],
    "tunnel": ["node", "agent.js", "tunnel", "PORT"],
    "tunnel-agent": ["node", "agent.js", "tunnel-agent", "PORT"],
    "hpagent": ["node", "agent.js", "hpagent", "PORT"],
}
changed = False
for i, (name, command) in enumerate(clients.items()):
    seen = target(command, {"RSYNC_PROXY": "127.0.0.1:PORT"} if name == "rsync" else {})
    print(f"{name}: CONNECT {seen}", flush=True)
    changed |= seen != (f"[{ADDRESS}]:443" if i < 5 else f"{ADDRESS}:443")
sys.exit("this has changed" if changed else 0)
PY
/usr/bin/python3 run.py

#!/usr/bin/env bash
# A proxy that wants a token: http://token@proxy:3128 in the environment or the options, a user without a password, or a
# password with escapes, http://pump:p%40ss@proxy:3128, which RFC 3986, section 3.2.1, makes "p@ss".
# Guess: all send Basic with "token:" and "pump:p@ss", as curl does.
# Seen: for the token wget, requests, urllib and npm's undici send nothing at all, not even after a 407, and the latter two
# send nothing for "token:@" either. For the password axel and axios send the escapes as they stand. So a proxy's
# token goes in as the password of some user and has no characters that need escapes.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 \
    wget=1.21.3-1+deb12u1 aria2=1.36.0-1 libaria2-0=1.36.0-1 libc-ares2 libssh2-1 axel=2.17.11-3 rclone=1.60.1+dfsg-2+b5 \
    python3-requests=2.28.1+dfsg-1 python3-urllib3=1.26.12-1+deb12u4 python3-charset-normalizer python3-chardet \
    python3-idna python3-certifi python3-six >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock undici@7.30.2 axios@1.21.1 hpagent@1.2.0
cat >client.js <<'JS'
const [, , name, proxy] = process.argv, url = 'https://pump.example/'
if (name === 'axios') require('axios').get(url).catch(() => {})
if (name === 'undici') {
    const { ProxyAgent, request } = require('undici')
    request(url, { dispatcher: new ProxyAgent(proxy) }).catch(() => {})
}
if (name === 'hpagent') {
    const agent = new (require('hpagent').HttpsProxyAgent)({ proxy })
    require('https').get(url, { agent }).on('error', () => {})
}
JS
cat >run.py <<'PY'
import base64, glob, os, re, socket, subprocess, sys
here = os.getcwd()
environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
environment["LD_LIBRARY_PATH"] = glob.glob(here + "/root/usr/lib/*-linux-gnu*")[0]
environment["PYTHONPATH"] = here + "/root/usr/lib/python3/dist-packages"
refusal = (b'HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic realm="proxy"\r\n'
           b"Content-Length: 0\r\nConnection: close\r\n\r\n")
def sent(command, user):
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(30)
        proxy = f"http://{user}@127.0.0.1:{s.getsockname()[1]}"
        variables = dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY"), proxy)
        client = subprocess.Popen([*command, proxy] if command[0] == "node" else command, env=environment | variables,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while True:
                with s.accept()[0] as c:
                    head = b""
                    while b"\r\n\r\n" not in head:
                        head += c.recv(4096)
                    c.sendall(refusal)
                    if found := re.search(rb"(?i)proxy-authorization: *basic *(\S+)", head):
                        return base64.b64decode(found[1]).decode()
                s.settimeout(3)
        except TimeoutError:
            return "nothing"
        finally:
            client.kill()
            client.wait()
url, python = "https://pump.example/", ["/usr/bin/python3", "-c"]
clients = {"curl": ["root/usr/bin/curl", "-s", url], "wget": ["root/usr/bin/wget", "-q", "-t1", "-O-", url],
           "aria2": ["root/usr/bin/aria2c", "-m1", "-o", "file", url],
           "rclone": ["root/usr/bin/rclone", "cat", ":http:x", "--http-url", url, "--retries", "1"],
           "axel": ["root/usr/bin/axel", "-o", "/dev/null", url],
           "requests": [*python, f"import requests; requests.get('{url}')"],
           "urllib": [*python, f"import urllib.request; urllib.request.urlopen('{url}')"],
           "axios": ["node", "client.js", "axios"], "undici": ["node", "client.js", "undici"],
           "hpagent": ["node", "client.js", "hpagent"]}
common = ["pump:p@ss", "token:", "token:"]
expected = {"wget": ["pump:p@ss", "nothing", "token:"], "requests": ["pump:p@ss", "nothing", "token:"],
            "urllib": ["pump:p@ss", "nothing", "nothing"], "undici": ["pump:p@ss", "nothing", "nothing"],
            "axel": ["pump:p%40ss", "token:", "token:"], "axios": ["pump:p%40ss", "token:", "token:"]}
changed = False
for name, command in clients.items():
    seen = [sent(command, user) for user in ("pump:p%40ss", "token", "token:")]
    print(f"{name}: pump:p%40ss@ sends {seen[0]}; token@ {seen[1]}; token:@ {seen[2]}", flush=True)
    changed |= seen != expected.get(name, common)
sys.exit("this has changed" if changed else 0)
PY
timeout 400 /usr/bin/python3 run.py

#!/usr/bin/env bash
# no_proxy says which hosts are reached without the proxy of http_proxy; all programs of a machine read the same two variables.
# Guess: clients differ over networks and ports; for everything below a name "*.tunnel" and "tunnel" are understood by all, "*"
# is everything, and names have no case.
# Seen: "*.tunnel" is understood by Go's programs and npm's axios and global-agent, and by none of curl, wget, wget2, aria2,
# lftp, w3m, requests, urllib and aiohttp; "tunnel" by all of those but wget2 and aria2, and not by the two of npm. For
# requests and lftp "pump.tunnel" is "mypump.tunnel", too; aria2 looks at the case. "*" is unknown to wget, wget2, aria2,
# lftp and w3m, and axel has a proxy for everything. ".tunnel" works with all others, in a list with commas.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 wget=1.21.3-1+deb12u1 \
    wget2=1.99.1-2.2 libwget0 libgpgme11 aria2=1.36.0-1 libaria2-0=1.36.0-1 libc-ares2 libssh2-1 lftp=4.9.2-2+b1 \
    rclone=1.60.1+dfsg-2+b5 w3m=0.5.3+git20230121-2 libgc1 axel=2.17.11-3 python3-requests=2.28.1+dfsg-1 \
    python3-urllib3=1.26.12-1+deb12u4 python3-chardet python3-certifi python3-six python3-aiohttp=3.8.4-1+deb12u2 \
    python3-aiosignal python3-async-timeout python3-attr python3-frozenlist python3-multidict python3-yarl python3-idna \
    python3-charset-normalizer python3-typing-extensions >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock axios@1.21.1 global-agent@4.1.6
cat >with_aiohttp.py <<'PY'
import aiohttp, asyncio, sys
async def main():
    async with aiohttp.ClientSession(trust_env=True, timeout=aiohttp.ClientTimeout(3)) as s:
        await s.get(sys.argv[1])
asyncio.run(main())
PY
cat >client.cjs <<'JS'
const [, , name, url] = process.argv
if (name === 'axios') {
    require('axios').get(url, { timeout: 3000 }).catch(() => process.exit())
} else {
    process.env.GLOBAL_AGENT_HTTP_PROXY = process.env.http_proxy
    process.env.GLOBAL_AGENT_NO_PROXY = process.env.no_proxy
    require('global-agent').bootstrap()
    require('http').get(url, { timeout: 3000 }).on('error', () => process.exit())
}
JS
cat >run.py <<'PY'
import glob, os, socket, subprocess, sys, threading
here = os.getcwd()
environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
environment["LD_LIBRARY_PATH"] = here + "/root/usr/lib:" + glob.glob(here + "/root/usr/lib/*-linux-gnu*")[0]
environment["PYTHONPATH"] = here + "/root/usr/lib/python3/dist-packages"
environment["HOME"] = here
proxy, asked = socket.create_server(("127.0.0.1", 0)), []
def serve():
    while True:
        with proxy.accept()[0] as c:
            asked.append(c.recv(4096))
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
threading.Thread(target=serve, daemon=True).start()
environment["http_proxy"] = f"http://127.0.0.1:{proxy.getsockname()[1]}"
bin_, python = "root/usr/bin/", "/usr/bin/python3"
clients = {"curl": [bin_ + "curl", "-sm3", "URL"], "wget": [bin_ + "wget", "-qO-", "-t1", "-T3", "URL"],
           "wget2": [bin_ + "wget2", "-qO-", "--tries=1", "-T3", "URL"],
           "aria2": [bin_ + "aria2c", "-m1", "-t3", "--connect-timeout=3", "--allow-overwrite", "-o", "out", "URL"],
           "lftp": [bin_ + "lftp", "-c", "set net:max-retries 1; set net:timeout 3; cat URL"],
           "rclone (Go)": [bin_ + "rclone", "cat", ":http:x", "--http-url", "URL", "--retries", "1", "--low-level-retries", "1"],
           "w3m": [bin_ + "w3m", "-dump", "URL"], "axel": [bin_ + "axel", "-q", "-o", "file", "URL"],
           "requests": [python, "-c", "import requests; requests.get('URL', timeout=3)"],
           "urllib": [python, "-c", "import urllib.request; urllib.request.urlopen('URL', timeout=3)"],
           "aiohttp": [python, "with_aiohttp.py", "URL"], "axios": ["node", "client.cjs", "axios", "URL"],
           "global-agent": ["node", "client.cjs", "global-agent", "URL"]}
def direct(command, host, no_proxy):
    asked.clear()
    subprocess.run([word.replace("URL", f"http://{host}/x") for word in command], env=environment | {"no_proxy": no_proxy},
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    return not asked
host = "pump.tunnel.invalid"
cases = {"host": (host, host), ".tunnel": (host, "a.invalid,.tunnel.invalid"), "*.tunnel": (host, "*.tunnel.invalid"),
         "tunnel": (host, "tunnel.invalid"), "capitals": (host.upper(), host), "blanks": (host, "a.invalid " + host),
         "*": (host, "*"), "end": ("my" + host, host)}
expected = {"curl": "*.tunnel end", "wget": "*.tunnel blanks * end", "wget2": "*.tunnel tunnel blanks * end",
            "aria2": "*.tunnel tunnel capitals blanks * end", "lftp": "*.tunnel *", "rclone (Go)": "blanks end",
            "w3m": "*.tunnel * end", "axel": "host .tunnel *.tunnel tunnel capitals blanks * end",
            "requests": "*.tunnel blanks", "urllib": "*.tunnel blanks end", "aiohttp": "*.tunnel blanks end",
            "axios": "tunnel end", "global-agent": "tunnel end"}
changed = False
for name, command in clients.items():
    seen = [case for case, what in cases.items() if not direct(command, *what)]
    print(f"{name}: does not leave the proxy out by: {', '.join(seen)}", flush=True)
    changed |= seen != expected[name].split()
sys.exit("this has changed" if changed else 0)
PY
timeout 400 /usr/bin/python3 run.py

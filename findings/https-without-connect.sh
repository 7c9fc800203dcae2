#!/usr/bin/env bash
# An https URL and a web proxy (https_proxy=http://...), with the downloaders of small machines.
# Guess: they ask the proxy for a tunnel with CONNECT and speak TLS through it, as curl, wget and aria2 do.
# Seen: BusyBox's wget and axel send "GET https://..." as they would for http, and leave TLS to the proxy. With a proxy
# that only makes tunnels they get nowhere.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download busybox=1:1.35.0-4+deb12u1+b1 axel=2.17.11-3 aria2=1.36.0-1 \
    libaria2-0=1.36.0-1 libc-ares2 libssh2-1 wget=1.21.3-1+deb12u1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
PATH="$t/root/usr/bin:$t/root/bin:$PATH"
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export PATH LD_LIBRARY_PATH
cat >run.py <<'PY'
import os, socket, subprocess, sys
def request(command):
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(30)
        proxy = f"http://127.0.0.1:{s.getsockname()[1]}"
        base = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        client = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  env=base | {"http_proxy": proxy, "https_proxy": proxy})
        with s.accept()[0] as c:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += c.recv(4096)
            c.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        client.wait(30)
        return " ".join(head.decode().split()[:2])
url = "https://device.example/file"
clients = {"wget 1.21.3": ["wget", "-q", "-t1", "-O-", url], "aria2 1.36.0": ["aria2c", "-q", "--max-tries=1", url],
           "BusyBox 1.35.0": ["busybox", "wget", "-q", "-O-", url], "axel 2.17.11": ["axel", "-q", "-n1", url]}
seen = []
for name, command in clients.items():
    seen.append(request(command))
    print(f"{name}: {seen[-1]}", flush=True)
sys.exit(0 if seen == ["CONNECT device.example:443"] * 2 + ["GET " + url] * 2 else "this has changed")
PY
/usr/bin/python3 run.py

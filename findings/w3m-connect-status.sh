#!/usr/bin/env bash
# A web proxy refuses CONNECT with a status and a page that says why.
# Guess: a browser shows the page or at least the status, as lynx does.
# Seen: w3m does not look at the answer. It begins TLS on whatever the proxy says and shows "SSL error", so that a
# refusal with a reason looks like a broken certificate.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download w3m=0.5.3+git20230121-2 libgc1 lynx=2.9.0dev.12-1 lynx-common libbsd0 \
    libncursesw6 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
PATH="$t/root/usr/bin:$PATH"
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export PATH LD_LIBRARY_PATH LYNX_CFG="$t/root/etc/lynx/lynx.cfg" HOME="$t"
cat >run.py <<'PY'
import os, socket, subprocess, sys
def browse(name):
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(30)
        environment = os.environ | {"https_proxy": f"http://127.0.0.1:{s.getsockname()[1]}/", "no_proxy": ""}
        browser = subprocess.Popen([name, "-dump", "https://device.example/"], env=environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        with s.accept()[0] as c:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += c.recv(4096)
            assert head.startswith(b"CONNECT device.example:443 "), head
            c.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 21\r\n\r\n"
                      b"the device is offline")
            c.settimeout(2)
            try:
                more = c.recv(3)
            except TimeoutError:
                more = b""
        said = browser.communicate(timeout=30)[0]
        begins = more == b"\x16\x03\x01"
        print(f"{name}: {'begins TLS' if begins else 'ends'}, shows {said.strip().splitlines()[0]!r}")
        return begins, "the device is offline" in said
seen = [browse("lynx"), browse("w3m")]
sys.exit(0 if seen == [(False, True), (True, False)] else "this has changed")
PY
/usr/bin/python3 run.py

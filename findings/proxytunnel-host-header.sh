#!/usr/bin/env bash
# proxytunnel, the ProxyCommand helper for ssh through a web proxy.
# Guess: the Host field of its CONNECT names the destination, as RFC 9110, section 7.2 has it.
# Seen: Host names the proxy, without its port. A proxy that believes Host, or refuses a CONNECT
# whose Host differs from its target, is of no use to this client.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"

debs() { # NAME=VERSION...: into ./root
    apt-get -q -o APT::Sandbox::User=root download "$@" >/dev/null
    for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
}
export PATH="$t/root/usr/sbin:$t/root/usr/bin:$PATH" LD_LIBRARY_PATH="$t/root/usr/lib/x86_64-linux-gnu"

debs proxytunnel=1.10.20210604-2
proxytunnel --version 2>&1 | head -1
python3 - <<'PY'
import socket, subprocess, sys
with socket.create_server(("127.0.0.1", 0)) as s:
    port = s.getsockname()[1]
    client = subprocess.Popen(["proxytunnel", "-q", "-p", f"127.0.0.1:{port}", "-d", "ssh1.example:22"],
                              stdin=subprocess.DEVNULL)
    with s.accept()[0] as c:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += c.recv(4096)
    client.wait(20)
print(head.decode())
lines = head.decode().split("\r\n")
ok = lines[0] == "CONNECT ssh1.example:22 HTTP/1.1" and "Host: 127.0.0.1" in lines
sys.exit(0 if ok else "this has changed")
PY

#!/usr/bin/env bash
# microsocks, the small SOCKS5 server of routers and containers.
# Guess: a greeting may come in any pieces, and the request may come right behind it, as with every
# other SOCKS server tried (OpenSSH, Dante).
# Seen: each message has to be one recv(). Greeting and request in one segment are answered with the
# method only; a greeting in two segments ends the connection without an answer.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"

debs() { # NAME=VERSION...: into ./root
    apt-get -q -o APT::Sandbox::User=root download "$@" >/dev/null
    for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
}
export PATH="$t/root/usr/sbin:$t/root/usr/bin:$PATH" LD_LIBRARY_PATH="$t/root/usr/lib/x86_64-linux-gnu"

debs microsocks=1.0.3-2
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
microsocks -i 127.0.0.1 -p "$port" 2>log &
dpkg-deb -f ./*.deb Version
python3 - "$port" <<'PY'
import socket, sys, time
port = int(sys.argv[1])
origin = socket.create_server(("127.0.0.1", 0))
greeting, request = b"\5\1\0", b"\5\1\0\1\x7f\0\0\1" + origin.getsockname()[1].to_bytes(2, "big")
def dial():
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit("microsocks does not listen")
def run(*pieces):
    got = b""
    with dial() as c:
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        c.settimeout(3)
        try:
            for p in pieces:
                c.sendall(p)
                time.sleep(0.3)
            while chunk := c.recv(100):
                got += chunk
            return got.hex() + " end"
        except (BrokenPipeError, ConnectionResetError):
            return got.hex() + " end"
        except TimeoutError:
            return got.hex() + " waits"
seen = {"in turn": run(greeting, request), "together": run(greeting + request),
        "greeting in two": run(greeting[:1], greeting[1:], request)}
for what, got in seen.items():
    print(f"{what}: {got}")
ok = list(seen.values()) == ["050005000001000000000000 waits", "0500 waits", " end"]
sys.exit(0 if ok else "this has changed")
PY

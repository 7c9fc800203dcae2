#!/usr/bin/env bash
# Dante (danted), a SOCKS server.
# Guess: a failure reply carries BND.ADDR as an IPv4 zero, ten bytes in all, as everybody's does.
# Seen: for a name that does not resolve the reply repeats the *name* (ATYP 3), so its length is the
# asker's choice: a client that reads ten bytes leaves the rest in front of what it reads next.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"

debs() { # NAME=VERSION...: into ./root
    apt-get -q -o APT::Sandbox::User=root download "$@" >/dev/null
    for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
}
export PATH="$t/root/usr/sbin:$t/root/usr/bin:$PATH" LD_LIBRARY_PATH="$t/root/usr/lib/x86_64-linux-gnu"

debs dante-server=1.4.2+dfsg-7+b8
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
cat >danted.conf <<C
internal: 127.0.0.1 port = $port
external: lo
socksmethod: none
clientmethod: none
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
C
danted -v | head -1
danted -f danted.conf >log 2>&1 &
python3 - "$port" <<'PY'
import socket, sys, time
port = int(sys.argv[1])
for _ in range(100):
    try:
        c = socket.create_connection(("127.0.0.1", port), 10)
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
name = b"no-such-name.invalid"
c.sendall(b"\5\1\0")
c.recv(2)
c.sendall(b"\5\1\0\3" + bytes([len(name)]) + name + b"\0\x50")
reply = b""
while chunk := c.recv(300):
    reply += chunk
print("reply", reply.hex(), reply)
sys.exit(0 if reply == b"\5\4\0\3" + bytes([len(name)]) + name + b"\0\x50" else "this has changed")
PY

#!/usr/bin/env bash
# Privoxy as the HTTP proxy on the way.
# Guess: bytes that a client sends right behind its CONNECT head reach the destination, since TCP has
# no message borders and tinyproxy and ncat pass them on.
# Seen: what arrives together with the head is thrown away after a 200, so a client that does not
# wait for the answer hangs. The same bytes sent later pass.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"

debs() { # NAME=VERSION...: into ./root
    apt-get -q -o APT::Sandbox::User=root download "$@" >/dev/null
    for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
}
export PATH="$t/root/usr/sbin:$t/root/usr/bin:$PATH" LD_LIBRARY_PATH="$t/root/usr/lib/x86_64-linux-gnu"

debs privoxy=3.0.34-1 libbrotli1 libmbedcrypto7 libmbedtls14 libmbedx509-1 libpcre3
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
printf 'listen-address 127.0.0.1:%s\nlogdir %s\n' "$port" "$t" >config
privoxy --version
privoxy --no-daemon config >log 2>&1 &
python3 - "$port" <<'PY'
import socket, sys, time
port = int(sys.argv[1])
def dial():
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit("privoxy does not listen")
def run(together):
    with socket.create_server(("127.0.0.1", 0)) as origin, dial() as c:
        head = b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % origin.getsockname()[1]
        c.sendall(head + b"early" if together else head)
        with origin.accept()[0] as far:
            answer = c.recv(4096).split(b"\r\n")[0]
            c.sendall(b"later")
            c.shutdown(socket.SHUT_WR)
            got = b""
            while chunk := far.recv(4096):
                got += chunk
    return answer, got
seen = [run(False), run(True)]
print(*seen, sep="\n")
ok = [s[1] for s in seen] == [b"later", b"later"] and all(b" 200 " in s[0] for s in seen)
sys.exit(0 if ok else "this has changed")
PY

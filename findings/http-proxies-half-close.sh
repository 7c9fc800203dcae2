#!/usr/bin/env bash
# Tunnels through tinyproxy and ncat's proxy, and a client that says all, ends its sending side and
# then waits for the answer (printf … | nc, HTTP/1.0 scripts, rsync daemons).
# Guess: the end of one direction is passed on, and the other one stays open (RFC 9110, section
# 9.3.6 lets a tunnel go on until both have ended).
# Seen: both end the whole tunnel with the first FIN; the answer that comes after it is lost, and the
# client sees an orderly end and no bytes. ssh -D and Dante pass it on.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"

debs() { # NAME=VERSION...: into ./root
    apt-get -q -o APT::Sandbox::User=root download "$@" >/dev/null
    for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
}
export PATH="$t/root/usr/sbin:$t/root/usr/bin:$PATH" LD_LIBRARY_PATH="$t/root/usr/lib/x86_64-linux-gnu"

debs tinyproxy-bin=1.11.1-2.1+deb12u1 ncat=7.93+dfsg1-1 liblua5.3-0 libpcap0.8
read -r tiny_port ncat_port < <(python3 - <<'PY'
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[s.getsockname()[1] for s in held])
PY
)
printf 'Port %s\nListen 127.0.0.1\nTimeout 60\nMaxClients 9\n' "$tiny_port" >tiny.conf
tinyproxy -v
ncat --version 2>&1
tinyproxy -d -c tiny.conf >tiny.log 2>&1 &
ncat -l 127.0.0.1 "$ncat_port" --proxy-type http -k 2>ncat.log &
python3 - "$tiny_port" "$ncat_port" <<'PY'
import socket, sys, threading, time
def origin():
    s = socket.create_server(("127.0.0.1", 0))
    def serve():
        c = s.accept()[0]
        said = b""
        try:
            while chunk := c.recv(100):
                said += chunk
            time.sleep(0.5)
            c.sendall(b"answer to " + said)
        except OSError:
            pass
        c.close()
    threading.Thread(target=serve, daemon=True).start()
    return s.getsockname()[1]
def dial(port):
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit("no proxy")
def run(port):
    to = origin()
    with (dial(port) if port else socket.create_connection(("127.0.0.1", to), 10)) as c:
        if port:
            c.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % to)
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += c.recv(1)
        c.sendall(b"question")
        time.sleep(0.3)
        c.shutdown(socket.SHUT_WR)
        got = b""
        while chunk := c.recv(100):
            got += chunk
        return got
seen = {"direct": run(None), "tinyproxy": run(int(sys.argv[1])), "ncat": run(int(sys.argv[2]))}
print(seen)
sys.exit(0 if seen == {"direct": b"answer to question", "tinyproxy": b"", "ncat": b""} else "this has changed")
PY

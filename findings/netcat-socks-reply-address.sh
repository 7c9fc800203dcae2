#!/usr/bin/env bash
# A SOCKS5 server grants a connection and names its own end by a host name, BND.ADDR of type 3 (RFC 1928, section 6).
# Guess: clients skip the field, whatever its type, since they have no use for it.
# Seen: curl, ncat, connect-proxy and PySocks do. OpenBSD's nc, the usual ProxyCommand for ssh, takes IPv4 and IPv6 only
# and gives up with "unsupported address type" after the connection has been made. A server answers with zeros.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 \
    ncat=7.93+dfsg1-1 liblua5.3-0 libpcap0.8 netcat-openbsd=1.219-1 connect-proxy=1.105-1.3 \
    python3-socks=1.7.1+dfsg-1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
PATH="$t/root/usr/bin:$t/root/bin:$PATH"
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export PATH LD_LIBRARY_PATH PYTHONPATH="$t/root/usr/lib/python3/dist-packages"
cat >pysocks.py <<'PY'
import sys, socks
s = socks.socksocket()
s.set_proxy(socks.SOCKS5, "127.0.0.1", int(sys.argv[1]))
s.settimeout(10)
s.connect(("device.example", 80))
s.sendall(b"GET / HTTP/1.0\r\n\r\n")
sys.stdout.buffer.write(s.recv(100))
PY
cat >run.py <<'PY'
import os, socket, subprocess, sys
ANSWER = b"HTTP/1.0 200 OK\r\n\r\nhello"
REPLIES = {"IPv4": b"\5\0\0\1" + bytes(6), "IPv6": b"\5\0\0\4" + bytes(18), "a name": b"\5\0\0\3\x05relay\0\x50"}
def run(command, reply):
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(20)
        port = str(s.getsockname()[1])
        base = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        client = subprocess.Popen([w.replace("PORT", port) for w in command], stdin=subprocess.PIPE, env=base,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        client.stdin.write(b"GET / HTTP/1.0\r\n\r\n")
        client.stdin.flush()
        with s.accept()[0] as c:
            c.settimeout(20)
            c.recv(300)
            c.sendall(b"\5\0")
            c.recv(300)
            c.sendall(reply)
            try:
                c.recv(4096)
                c.sendall(ANSWER)
                c.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        out, error = client.communicate(timeout=20)
    return "read" if b"hello" in out else error.decode().strip().splitlines()[-1]
clients = {"curl": ["curl", "-sS", "-m", "10", "-x", "socks5h://127.0.0.1:PORT", "http://device.example/"],
           "ncat": ["ncat", "--proxy-type", "socks5", "--proxy", "127.0.0.1:PORT", "device.example", "80"],
           "connect-proxy": ["connect-proxy", "-S", "127.0.0.1:PORT", "device.example", "80"],
           "PySocks": ["/usr/bin/python3", "pysocks.py", "PORT"],
           "nc": ["nc.openbsd", "-X", "5", "-x", "127.0.0.1:PORT", "device.example", "80"]}
changed = False
for name, command in clients.items():
    seen = [run(command, r) for r in REPLIES.values()]
    print(f"{name}: " + "; ".join(f"{k}: {v}" for k, v in zip(REPLIES, seen)), flush=True)
    changed |= seen != ["read", "read", "nc.openbsd: connection failed, unsupported address type" if name == "nc" else "read"]
sys.exit("this has changed" if changed else 0)
PY
timeout 90 /usr/bin/python3 run.py

#!/usr/bin/env bash
# UDP through a SOCKS5 server (UDP ASSOCIATE): RFC 1928, section 7, ends the association with the TCP connection that
# asked for it, and a datagram may have any size UDP has.
# Guess: shadowsocks-libev's ss-local does as Dante does.
# Seen: Dante keeps to both. ss-local goes on relaying after the TCP connection has ended, and of datagrams it passes
# 2000 bytes and drops 4000 without a word. A client learns neither from the reply.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download dante-server=1.4.2+dfsg-7+b8 shadowsocks-libev=3.3.5+ds-10 libbloom1 \
    libcork16 libcorkipset1 libjsonparser1.1 libev4 libmbedcrypto7 libsodium23 libc-ares2 libpcre3 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >run.py <<'PY'
import glob, os, random, socket, subprocess, sys, threading, time
library = glob.glob("root/usr/lib/*-linux-gnu*")[0]
environment = os.environ | {"LD_LIBRARY_PATH": os.path.abspath(library)}
def free_port():
    while True:  # below the ports that the kernel hands out
        try:
            with socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as s:
                return s.getsockname()[1]
        except OSError:
            pass
def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    return s
echo = udp()
def answer():
    while True:
        data, peer = echo.recvfrom(65536)
        echo.sendto(data, peer)
threading.Thread(target=answer, daemon=True).start()
def dial(port):
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit("no server")
def associate(port):
    c = dial(port)
    c.sendall(b"\5\1\0")
    c.recv(2)
    c.sendall(b"\5\3\0\1" + bytes(6))
    reply = c.recv(10)
    assert reply[:4] == b"\5\0\0\1", reply
    return c, int.from_bytes(reply[8:], "big")
def passes(relay, size):
    with udp() as s:
        s.settimeout(2)
        head = b"\0\0\0\1" + socket.inet_aton("127.0.0.1") + echo.getsockname()[1].to_bytes(2, "big")
        s.sendto(head + bytes(size), ("127.0.0.1", relay))
        try:
            return s.recv(65536) == head + bytes(size)
        except (TimeoutError, ConnectionRefusedError):
            return False
def measure(port):
    """Each with an association of its own, since Dante binds one to the first sender's port."""
    found = []
    for size in 2000, 4000:
        c, relay = associate(port)
        with c:
            found.append(passes(relay, size))
    c, relay = associate(port)
    c.close()
    time.sleep(1)
    return found + [passes(relay, 100)]
dante, local, server = free_port(), free_port(), free_port()
with open("danted.conf", "w") as f:
    f.write(f"internal: 127.0.0.1 port = {dante}\nexternal: lo\nsocksmethod: none\nclientmethod: none\n"
            "client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }\nsocks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }\n")
common = ["-s", "127.0.0.1", "-p", str(server), "-k", "example", "-m", "aes-256-gcm", "-u"]
commands = [["root/usr/sbin/danted", "-f", "danted.conf"], ["root/usr/bin/ss-server", *common],
            ["root/usr/bin/ss-local", *common, "-l", str(local)]]
started = [subprocess.Popen(c, env=environment, stdout=open("log", "a"), stderr=subprocess.STDOUT) for c in commands]
try:
    seen = [measure(dante), measure(local)]
finally:
    for p in started:
        p.terminate()
        p.wait()
for name, (small, large, after) in zip(("Dante 1.4.2", "ss-local 3.3.5"), seen):
    print(f"{name}: 2000 bytes {small}, 4000 bytes {large}, after the TCP connection {after}")
sys.exit(0 if seen == [[True, True, False], [True, False, True]] else "this has changed")
PY
timeout 80 /usr/bin/python3 run.py

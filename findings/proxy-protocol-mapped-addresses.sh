#!/usr/bin/env bash
# The PROXY protocol from a balancer that listens on [::] for both families, and a client that comes by IPv4.
# Guess: the server behind is told "PROXY TCP4" and the client's four numbers, as from a listener on IPv4.
# Seen: haproxy, nginx and stunnel all say "PROXY TCP6 ::ffff:a.b.c.d". Rules and limits by IPv4 address behind them
# have to take the prefix off, or they match nobody. From a Unix socket haproxy and nginx say "PROXY UNKNOWN" and no address.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download haproxy=2.6.12-1+deb12u4 liblua5.3-0 libopentracing-c-wrapper0 \
    libopentracing1 nginx-core=1.22.1-9+deb12u11 nginx=1.22.1-9+deb12u11 libnginx-mod-stream=1.22.1-9+deb12u11 \
    stunnel4=3:5.68-2+deb12u1 libpcre2-8-0 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=hub -days 9 -keyout key.pem -out certificate.pem 2>/dev/null
cat >run.py <<'PY'
import glob, os, random, socket, ssl, subprocess, sys, time
here = os.getcwd()
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(here + "/root/usr/lib/*-linux-gnu*")[0]}
started = []
def free_port():
    while True:  # below the ports that the kernel hands out
        try:
            with socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as s:
                return s.getsockname()[1]
        except OSError:
            pass
def start(*command):
    started.append(subprocess.Popen(command, env=environment, stdout=open("log", "a"), stderr=subprocess.STDOUT))
server = socket.create_server(("127.0.0.1", 0))
server.settimeout(30)
hub = f"127.0.0.1:{server.getsockname()[1]}"
def write(name, text):
    with open(name, "w") as f:
        f.write(text)
    return f"{here}/{name}"
def haproxy(v4, both, unix):
    text = "defaults\n mode tcp\n timeout connect 9s\n timeout client 9s\n timeout server 9s\n"
    for i, bind in enumerate((f"127.0.0.1:{v4}", f":::{both} v4v6", f"unix@{unix}")):
        text += f"listen l{i}\n bind {bind}\n server s {hub} send-proxy\n"
    start("root/usr/sbin/haproxy", "-db", "-f", write("haproxy.cfg", text))
def nginx(v4, both, unix):
    listeners = f"listen 127.0.0.1:{v4}; listen [::]:{both} ipv6only=off; listen unix:{unix};"
    start("root/usr/sbin/nginx", "-p", here, "-e", here + "/nginx.log", "-c", write("nginx.conf",
          f"load_module {here}/root/usr/lib/nginx/modules/ngx_stream_module.so; daemon off; master_process off;"
          f"error_log {here}/nginx.log; pid {here}/nginx.pid; events {{}}"
          f"stream {{ server {{ {listeners} proxy_pass {hub}; proxy_protocol on; }} }}"))
def stunnel(v4, both, unix):
    text = "foreground = yes\npid =\n"
    for i, accept in enumerate((f"127.0.0.1:{v4}", f":::{both}")):
        text += (f"[l{i}]\naccept = {accept}\nconnect = {hub}\nprotocol = proxy\n"
                 f"cert = {here}/certificate.pem\nkey = {here}/key.pem\n")
    start("root/usr/bin/stunnel4", write("stunnel.conf", text))
def told(where, tls):
    for _ in range(200):
        try:
            c = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET)
            c.settimeout(20)
            c.connect(where)
            break
        except OSError:
            time.sleep(0.1)
    if tls:
        c = ssl._create_unverified_context().wrap_socket(c)
    with c:
        c.sendall(b"hello")
        with server.accept()[0] as s:
            line = b""
            while not line.endswith(b"\r\n"):
                line += s.recv(1)
    return " ".join(line.decode().split()[:3])
changed = False
try:
    for name, begin in (("haproxy", haproxy), ("nginx", nginx), ("stunnel", stunnel)):
        v4, both, unix, tls = free_port(), free_port(), f"{here}/{name}.sock", name == "stunnel"
        begin(v4, both, unix)
        seen = [told(("127.0.0.1", v4), tls), told(("127.0.0.1", both), tls)]
        expected = ["PROXY TCP4 127.0.0.1", "PROXY TCP6 ::ffff:127.0.0.1"]
        if not tls:
            seen.append(told(unix, False))
            expected.append("PROXY UNKNOWN")
        print(f"{name}: by IPv4: {seen[0]}; by IPv4 to [::]: {seen[1]}" + (f"; by Unix: {seen[2]}" if not tls else ""), flush=True)
        changed |= seen != expected
finally:
    for p in started:
        p.terminate()
        p.wait()
sys.exit("this has changed" if changed else 0)
PY
timeout 100 /usr/bin/python3 run.py

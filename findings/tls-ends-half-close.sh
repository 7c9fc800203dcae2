#!/usr/bin/env bash
# A program that takes TLS off in front of a service, and a client that says all, sends close_notify for its own
# direction (RFC 8446, section 6.1, leaves the other one open) and waits for the answer.
# Guess: the end of one direction is passed on to the service, and its answer comes back.
# Seen: stunnel and haproxy do so. hitch and nginx's stream module take the close_notify for the end of both directions,
# and the answer is lost.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download haproxy=2.6.12-1+deb12u4 liblua5.3-0 libopentracing-c-wrapper0 \
    libopentracing1 nginx-core=1.22.1-9+deb12u11 nginx=1.22.1-9+deb12u11 libnginx-mod-stream=1.22.1-9+deb12u11 \
    stunnel4=3:5.68-2+deb12u1 hitch=1.7.2-1+b1 libev4 libpcre2-8-0 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=hub -days 9 -keyout key.pem -out certificate.pem 2>/dev/null
cat key.pem certificate.pem >both.pem
cat >run.py <<'PY'
import glob, os, random, socket, ssl, subprocess, sys, threading, time
here = os.getcwd()
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(here + "/root/usr/lib/*-linux-gnu*")[0]}
def free_port():
    while True:  # below the ports that the kernel hands out
        try:
            with socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as s:
                return s.getsockname()[1]
        except OSError:
            pass
def serve(c):
    with c:
        try:
            c.recv(100)
            c.sendall(b"heard")
            while c.recv(100):
                pass
            time.sleep(1)
            c.sendall(b"answer")
        except OSError:
            pass
server = socket.create_server(("127.0.0.1", 0))
def accept():
    while True:
        threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
threading.Thread(target=accept, daemon=True).start()
service = f"127.0.0.1:{server.getsockname()[1]}"
def write(name, text):
    with open(name, "w") as f:
        f.write(text)
    return f"{here}/{name}"
user = ["--user=nobody", "--group=nogroup"] if os.geteuid() == 0 else []
def commands(port):
    return {
        "stunnel 5.68": ["root/usr/bin/stunnel4", write("stunnel.conf", f"foreground = yes\npid =\n[s]\naccept = 127.0.0.1:{port}\n"
                         f"connect = {service}\ncert = {here}/both.pem\n")],
        "haproxy 2.6.12": ["root/usr/sbin/haproxy", "-db", "-f", write("haproxy.cfg",
                           "defaults\n mode tcp\n timeout connect 9s\n timeout client 30s\n timeout server 30s\nlisten l\n"
                           f" bind 127.0.0.1:{port} ssl crt {here}/both.pem\n server s {service}\n")],
        "hitch 1.7.2": ["root/usr/sbin/hitch", *user, f"--frontend=[127.0.0.1]:{port}",
                        "--backend=[127.0.0.1]:" + service.split(":")[1], here + "/both.pem"],
        "nginx 1.22.1": ["root/usr/sbin/nginx", "-p", here, "-e", here + "/nginx.log", "-c", write("nginx.conf",
                         f"load_module {here}/root/usr/lib/nginx/modules/ngx_stream_module.so; daemon off; master_process off;"
                         f"error_log {here}/nginx.log; pid {here}/nginx.pid; events {{}} stream {{ server {{ listen 127.0.0.1:{port} "
                         f"ssl; ssl_certificate {here}/both.pem; ssl_certificate_key {here}/both.pem; proxy_pass {service}; }} }}")],
    }
def ask(port):
    for _ in range(200):
        try:
            c = socket.create_connection(("127.0.0.1", port), 10)
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    else:
        return "no listener"
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl._create_unverified_context().wrap_bio(inward, outward)
    def flush():
        if outward.pending:
            c.sendall(outward.read())
    def step(f):
        while True:
            try:
                result = f()
                flush()
                return result
            except ssl.SSLWantReadError:
                flush()
                chunk = c.recv(65536)
                if not chunk:
                    return b""
                inward.write(chunk)
    with c:
        try:
            step(tls.do_handshake)
            step(lambda: tls.write(b"question"))
            heard = step(lambda: tls.read(100)).decode()
            try:
                tls.unwrap()
            except ssl.SSLWantReadError:
                pass
            flush()
        except (ssl.SSLError, OSError):
            return "broken"
        try:
            return f"{heard}, then {step(lambda: tls.read(100)).decode() or 'nothing'}"
        except (ssl.SSLError, ConnectionError):
            return f"{heard}, then nothing"
seen = {}
for name in commands(0):
    port = free_port()
    p = subprocess.Popen(commands(port)[name], env=environment, stdout=open("log", "a"), stderr=subprocess.STDOUT)
    try:
        seen[name] = ask(port)
    finally:
        p.terminate()
        p.wait()
    print(f"{name}: {seen[name]}", flush=True)
sys.exit(0 if list(seen.values()) == ["heard, then answer"] * 2 + ["heard, then nothing"] * 2 else "this has changed")
PY
timeout 100 /usr/bin/python3 run.py || { tail -5 log; exit 1; }

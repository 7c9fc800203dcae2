#!/usr/bin/env bash
# A WebSocket server behind a reverse proxy. The client's URL is signed, as the presigned ones of AWS are, or has a device's
# name in it whose "/" is escaped; the server reads and checks the request target as it comes.
# Guess: a proxy that is to forward everything, and to change nothing, passes the target on as it came.
# Seen: haproxy, h2o and Caddy do. Apache, lighttpd and nghttpx undo escapes that need not be (%41) and make one slash of two,
# lighttpd in the query as well; and of %2F lighttpd makes a slash, while Apache answers 404. All without a word.
# Apache is kept from it with nocanon and AllowEncodedSlashes. A target that is to stay as it is has no escapes.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download haproxy=2.6.12-1+deb12u4 liblua5.3-0 libopentracing-c-wrapper0 libopentracing1 \
    h2o=2.2.5+dfsg2-7 libyaml-0-2 caddy=2.6.2-5 apache2-bin=2.4.71-1~deb12u1 libapr1 libaprutil1 libjansson4 \
    lighttpd=1.4.69-1 libnettle8 nghttp2-proxy=1.52.0-1+deb12u3 libnghttp2-14 libev4 libbpf1 libjemalloc2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >run.py <<'PY'
import glob, os, random, socket, subprocess, sys, threading, time
here = os.getcwd()
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(here + "/root/usr/lib/*-linux-gnu*")[0], "HOME": here,
                            "XDG_DATA_HOME": here, "XDG_CONFIG_HOME": here}
def free_port():
    while True:  # below the ports that the kernel hands out
        try:
            with socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as s:
                return s.getsockname()[1]
        except OSError:
            pass
def head(c):
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        byte = c.recv(1)
        if not byte:
            break
        data += byte
    return data.decode()
targets = []
def serve(c):
    with c:
        request = head(c)
        if request:
            targets.append(request.split(" ")[1])
            c.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
            c.settimeout(20)
            try:
                c.recv(100)
            except OSError:
                pass
server = socket.create_server(("127.0.0.1", 0))
service = f"127.0.0.1:{server.getsockname()[1]}"
def accept():
    while True:
        threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
threading.Thread(target=accept, daemon=True).start()
def write(name, text):
    with open(name, "w") as f:
        f.write(text)
    return f"{here}/{name}"
def commands(port):
    modules = "".join(f"LoadModule {m}_module {here}/root/usr/lib/apache2/modules/mod_{m}.so\n"
                      for m in ("mpm_event", "authz_core", "proxy", "proxy_http"))
    return {
        "haproxy 2.6.12": ["root/usr/sbin/haproxy", "-db", "-f", write("haproxy.cfg",
                           "defaults\n mode http\n timeout connect 9s\n timeout client 30s\n timeout server 30s\nlisten l\n"
                           f" bind 127.0.0.1:{port}\n server s {service}\n")],
        "h2o 2.2.5": ["root/usr/bin/h2o", "-c", write("h2o.conf",
                      f"listen:\n  host: 127.0.0.1\n  port: {port}\nproxy.websocket: ON\nhosts:\n  default:\n    paths:\n      /:\n"
                      f"        proxy.reverse.url: http://{service}/\n")],
        "Caddy 2.6.2": ["root/usr/bin/caddy", "run", "--adapter", "caddyfile", "--config", write("Caddyfile",
                        f"{{\n admin off\n auto_https off\n}}\nhttp://:{port} {{\n bind 127.0.0.1\n reverse_proxy {service}\n"
                        "}\n")],
        "Apache 2.4.71": ["root/usr/sbin/apache2", "-X", "-d", here, "-f", write("apache.conf",
                          f"{modules}ServerName hub\nListen 127.0.0.1:{port}\nPidFile {here}/pid\nErrorLog {here}/apache.log\n"
                          f"DefaultRuntimeDir {here}\nProxyPass / http://{service}/ upgrade=websocket\n")],
        "lighttpd 1.4.69": ["root/usr/sbin/lighttpd", "-D", "-m", here + "/root/usr/lib/lighttpd", "-f", write("lighttpd.conf",
                            f'server.modules = ("mod_proxy")\nserver.document-root = "{here}"\nserver.bind = "127.0.0.1"\n'
                            f'server.port = {port}\nproxy.header = ("upgrade" => "enable")\nproxy.server = ("" => (("host" => '
                            f'"127.0.0.1", "port" => {service.split(":")[1]})))\n')],
        "nghttpx 1.52.0": ["root/usr/sbin/nghttpx", "--conf=/dev/null", f"--frontend=127.0.0.1,{port};no-tls", "--workers=1",
                           f"--backend={service.replace(':', ',')}", "--accesslog-file=/dev/null"],
    }
def ask(port, target):
    targets.clear()
    with socket.create_connection(("127.0.0.1", port), 20) as c:
        c.sendall(f"GET {target} HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
        status = head(c).split(" ")[1]
    return targets[0] if status == "101" else status
def through(name):
    port = free_port()
    p = subprocess.Popen(commands(port)[name], env=environment, stdout=open("log", "a"), stderr=subprocess.STDOUT)
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.1)
        return [ask(port, target) for target in asked]
    finally:
        p.terminate()
        p.wait()
asked = ["/a%2Fb", "/a//b", "/%41", "/?x=%41"]
expected = {name: asked for name in list(commands(0))[:3]} | {
    "Apache 2.4.71": ["404", "/a/b", "/A", "/?x=%41"], "lighttpd 1.4.69": ["/a/b", "/a/b", "/A", "/?x=A"],
    "nghttpx 1.52.0": ["/a%2Fb", "/a/b", "/A", "/?x=%41"]}
seen = {}
for name in expected:
    seen[name] = through(name)
    print(f"{name}: " + ", ".join(f"{a}: {s}" for a, s in zip(asked, seen[name])), flush=True)
sys.exit(0 if seen == expected else "this has changed")
PY
timeout 100 /usr/bin/python3 run.py || { tail -5 log; exit 1; }

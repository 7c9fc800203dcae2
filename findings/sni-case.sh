#!/usr/bin/env bash
# TLS is passed on by the name in its ClientHello (server_name), and a client asks for PUMP-07.tunnel, as its user typed it.
# The name is a DNS name and has no case (RFC 6066, section 3; RFC 4343).
# Guess: what looks at the name compares without case.
# Seen: nginx does. sniproxy and sslh, which are made for this, compare byte by byte and send the client to the fallback;
# sslh does not find a name that is in capitals in its own file, either, when a client writes it small.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download sniproxy=0.6.0-2.1 libudns0 libev4 libpcre3 sslh=1.20-1+deb12u1 libconfig9 \
    libwrap0 libpcre2-8-0 nginx=1.22.1-9+deb12u11 libnginx-mod-stream=1.22.1-9+deb12u11 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >run.py <<'PY'
import glob, os, random, socket, ssl, subprocess, sys, threading, time
here = os.getcwd()
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(here + "/root/usr/lib/*-linux-gnu*")[0]}
def serve(server, name):
    while True:
        with server.accept()[0] as c:
            c.recv(4096)
            c.sendall(name)
def place(name):  # says its name to whoever comes
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(server, name), daemon=True).start()
    return server.getsockname()[1]
device, fallback = place(b"device"), place(b"fallback")
def write(name, text):
    with open(name, "w") as f:
        f.write(text)
    return f"{here}/{name}"
def nginx(port, name):
    return "root/usr/sbin/nginx", "-p", here, "-e", here + "/nginx.log", "-c", write("nginx.conf",
        f"load_module {here}/root/usr/lib/nginx/modules/ngx_stream_module.so; daemon off; master_process off;"
        f"error_log {here}/nginx.log; pid {here}/nginx.pid; events {{}} stream {{"
        f"map $ssl_preread_server_name $to {{ {name} 127.0.0.1:{device}; default 127.0.0.1:{fallback}; }}"
        f"server {{ listen 127.0.0.1:{port}; ssl_preread on; proxy_pass $to; }} }}")
def sniproxy(port, name):
    return "root/usr/sbin/sniproxy", "-f", "-c", write("sniproxy.conf",
        f"error_log {{\n filename {here}/sniproxy.log\n}}\nlisten 127.0.0.1:{port} {{\n proto tls\n table devices\n"
        f" fallback 127.0.0.1:{fallback}\n}}\ntable devices {{\n {name} 127.0.0.1:{device}\n}}\n")
def sslh(port, name):
    return "root/usr/sbin/sslh", "-f", "-F" + write("sslh.conf",
        f'numeric: true;\nlisten: ( {{ host: "127.0.0.1"; port: "{port}"; }} );\nprotocols: (\n'
        f' {{ name: "tls"; host: "127.0.0.1"; port: "{device}"; sni_hostnames: [ "{name}" ]; }},\n'
        f' {{ name: "anyprot"; host: "127.0.0.1"; port: "{fallback}"; }} );\n')
def free_port():
    while True:  # below the ports that the kernel hands out
        try:
            with socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as s:
                return s.getsockname()[1]
        except OSError:
            pass
def led_to(port, name):
    out = ssl.MemoryBIO()
    try:
        ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    for _ in range(200):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=20) as c:
                c.sendall(out.read())
                return c.recv(100).decode()
        except ConnectionRefusedError:
            time.sleep(0.1)
changed = False
small, capital = "pump-07.tunnel", "PUMP-07.tunnel"
expected = {nginx: ["device"] * 4, sniproxy: ["device", "fallback", "fallback", "device"],
            sslh: ["device", "fallback", "fallback", "device"]}
for router, wanted in expected.items():
    seen = []
    for configured in (small, capital):
        port = free_port()
        with open("log", "a") as log:
            p = subprocess.Popen(router(port, configured), env=environment, stdout=log, stderr=log)
        try:
            for asked in (small, capital):
                seen.append(led_to(port, asked))
                print(f"{router.__name__}: {configured} configured, {asked} asked for: {seen[-1]}", flush=True)
        finally:
            p.terminate()
            p.wait()
    changed |= seen != wanted
sys.exit("this has changed" if changed else 0)
PY
timeout 100 /usr/bin/python3 run.py

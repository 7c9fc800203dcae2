#!/usr/bin/env bash
# MQTT or gRPC at port 443, told from the web by ALPN, and a TLS server that knows none of the names the client offers. It shall
# then end the handshake with the alert no_application_protocol (RFC 7301, section 3.2).
# Guess: servers do that, or at worst go on without a name.
# Seen: nginx and lighttpd send the alert; haproxy and hitch go on as if nothing had been asked. Apache answers with
# "http/1.1", which was not offered, so that OpenSSL's clients end with "bad extension": it looks like a broken server,
# and is what a client that offers just h2 gets from an Apache without mod_http2.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download haproxy=2.6.12-1+deb12u4 liblua5.3-0 libopentracing-c-wrapper0 \
    libopentracing1 nginx=1.22.1-9+deb12u11 libnginx-mod-stream=1.22.1-9+deb12u11 hitch=1.7.2-1+b1 libev4 \
    apache2-bin=2.4.71-1~deb12u1 libapr1 libaprutil1 lighttpd=1.4.69-1 lighttpd-mod-openssl=1.4.69-1 libxxhash0 \
    libpcre2-8-0 openssl=3.0.22-1~deb12u2 libssl3=3.0.22-1~deb12u2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=hub -days 9 -keyout key.pem -out certificate.pem 2>/dev/null
cat key.pem certificate.pem >both.pem
cat >run.py <<'PY'
import glob, os, random, socket, subprocess, sys, time
here = os.getcwd()
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(here + "/root/usr/lib/*-linux-gnu*")[0]}
user = ["--user=nobody", "--group=nogroup"] if os.geteuid() == 0 else []
def write(name, text):
    with open(name, "w") as f:
        f.write(text)
    return f"{here}/{name}"
def haproxy(port):
    return "root/usr/sbin/haproxy", "-db", "-f", write("haproxy.cfg",
        "defaults\n mode http\n timeout connect 9s\n timeout client 9s\n timeout server 9s\n"
        f"frontend f\n bind 127.0.0.1:{port} ssl crt {here}/both.pem alpn http/1.1\n")
def hitch(port):
    return "root/usr/sbin/hitch", *user, "--config", write("hitch.conf",
        f'frontend = "[127.0.0.1]:{port}"\nbackend = "[127.0.0.1]:9"\npem-file = "{here}/both.pem"\n'
        'alpn-protos = "http/1.1"\n')
def nginx(port):
    return "root/usr/sbin/nginx", "-p", here, "-e", here + "/nginx.log", "-c", write("nginx.conf",
        f"load_module {here}/root/usr/lib/nginx/modules/ngx_stream_module.so; daemon off; master_process off;"
        f"error_log {here}/nginx.log; pid {here}/nginx.pid; events {{}} stream {{ server {{ return x; ssl_alpn http/1.1;"
        f"listen 127.0.0.1:{port} ssl; ssl_certificate certificate.pem; ssl_certificate_key key.pem; }} }}")
def lighttpd(port):
    return ("root/usr/sbin/lighttpd", "-D", "-m", here + "/root/usr/lib/lighttpd", "-f", write("lighttpd.conf",
        f'server.document-root = "{here}"\nserver.port = {port}\nserver.bind = "127.0.0.1"\n'
        f'server.modules = ("mod_openssl")\nssl.engine = "enable"\nssl.pemfile = "{here}/both.pem"\n'))
def apache(port):
    modules = "".join(f"LoadModule {m}_module {here}/root/usr/lib/apache2/modules/mod_{m}.so\n"
                      for m in ("mpm_event", "authz_core", "mime", "socache_shmcb", "ssl"))
    return "root/usr/sbin/apache2", "-DFOREGROUND", "-f", write("apache.conf",
        f"ServerRoot {here}\nServerName hub\nPidFile {here}/apache.pid\nErrorLog {here}/apache.log\n{modules}"
        f"TypesConfig /dev/null\nListen 127.0.0.1:{port}\nDocumentRoot {here}\nSSLEngine on\n"
        f"SSLCertificateFile {here}/certificate.pem\nSSLCertificateKeyFile {here}/key.pem\n")
def free_port():
    while True:  # below the ports that the kernel hands out
        try:
            with socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as s:
                return s.getsockname()[1]
        except OSError:
            pass
def asked(port, name):
    client = subprocess.run(["root/usr/bin/openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-alpn", name],
                            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    said = client.stdout + client.stderr
    return next((words for words in ("no application protocol", "bad extension", "No ALPN negotiated",
                                     "ALPN protocol: http/1.1") if words in said), "nothing")
expected = {nginx: "no application protocol", lighttpd: "no application protocol", haproxy: "No ALPN negotiated",
            hitch: "No ALPN negotiated", apache: "bad extension"}
changed = False
for server, wanted in expected.items():
    port = free_port()
    with open("log", "a") as log:
        p = subprocess.Popen(server(port), env=environment, stdout=log, stderr=log)
    try:
        for _ in range(200):
            if (known := asked(port, "http/1.1")) != "nothing":
                break
            time.sleep(0.1)
        seen = asked(port, "mqtt")
    finally:
        p.terminate()
        p.wait()
    print(f"{server.__name__}, asked for http/1.1: {known}; for mqtt: {seen}", flush=True)
    changed |= known != "ALPN protocol: http/1.1" or seen != wanted
sys.exit("this has changed" if changed else 0)
PY
timeout 200 /usr/bin/python3 run.py

#!/usr/bin/env bash
# A balancer that has no addresses to tell, since its own client came by a Unix socket, says so in the PROXY protocol: with
# "PROXY UNKNOWN" in version 1, of whose rest "the receiver must ignore anything", or with no rest at all.
# Guess: a receiver takes both forms, or knows no UNKNOWN; haproxy, where the protocol comes from, takes both.
# Seen: haproxy hangs up on the form with addresses, Apache and Twisted on the one without, Varnish and gunicorn refuse
# both; only nginx takes all. In version 2 haproxy and Apache refuse PROXY of unspecified family, and
# LOCAL is taken by all that read version 2: it is the only way to say nothing.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download haproxy=2.6.12-1+deb12u4 liblua5.3-0 libopentracing-c-wrapper0 \
    libopentracing1 nginx=1.22.1-9+deb12u11 apache2-bin=2.4.71-1~deb12u1 libapr1 libaprutil1 varnish=7.1.1-2+deb12u1 \
    libvarnishapi3 libedit2 libjemalloc2 libpcre2-8-0 python3-gunicorn=20.1.0-6+deb12u1 python3-pkg-resources \
    python3-setuptools python3-twisted=22.4.0-4+deb12u1 python3-hamcrest python3-idna python3-attr python3-automat \
    python3-constantly python3-hyperlink python3-incremental python3-zope.interface >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >application.py <<'PY'
def application(environment, start):
    start("200 OK", [("Content-Length", "0")])
    return []
PY
cat >with_twisted.py <<'PY'
import sys
from twisted.internet import endpoints, reactor
from twisted.web import resource, server
class Root(resource.Resource):
    isLeaf = True
    def render_GET(self, request):
        return b"here"
endpoints.serverFromString(reactor, f"haproxy:tcp:{sys.argv[1]}:interface=127.0.0.1").listen(server.Site(Root()))
reactor.run()
PY
cat >run.py <<'PY'
import glob, os, random, socket, struct, subprocess, sys, time
here = os.getcwd()
libraries = glob.glob(here + "/root/usr/lib/*-linux-gnu*")[0]
environment = os.environ | {"LD_LIBRARY_PATH": f"{libraries}:{libraries}/varnish",
                            "PYTHONPATH": f"{here}/root/usr/lib/python3/dist-packages:{here}"}
def write(name, text):
    with open(name, "w") as f:
        f.write(text)
    return f"{here}/{name}"
def haproxy(port):
    return "root/usr/sbin/haproxy", "-db", "-f", write("haproxy.cfg",
        "defaults\n mode http\n timeout connect 9s\n timeout client 9s\n timeout server 9s\n"
        f"frontend f\n bind 127.0.0.1:{port} accept-proxy\n http-request return status 200\n")
def nginx(port):
    places = "".join(f"{kind}_temp_path {here}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return "root/usr/sbin/nginx", "-p", here, "-e", here + "/nginx.log", "-c", write("nginx.conf",
        f"daemon off; master_process off; error_log {here}/nginx.log; pid {here}/nginx.pid; events {{}}"
        f"http {{ access_log off; {places} server {{ listen 127.0.0.1:{port} proxy_protocol; return 200 here; }} }}")
def apache(port):
    modules = "".join(f"LoadModule {m}_module {here}/root/usr/lib/apache2/modules/mod_{m}.so\n"
                      for m in ("mpm_event", "authz_core", "remoteip", "mime"))
    os.makedirs("www", exist_ok=True)
    write("www/page", "here")
    return "root/usr/sbin/apache2", "-DFOREGROUND", "-f", write("apache.conf",
        f"ServerRoot {here}\nServerName hub\nPidFile {here}/apache.pid\nErrorLog {here}/apache.log\n{modules}"
        f"TypesConfig /dev/null\nListen 127.0.0.1:{port}\nDocumentRoot {here}/www\nRemoteIPProxyProtocol On\n")
def varnish(port):
    return ("root/usr/sbin/varnishd", "-j", "none", "-F", "-n", here + "/varnish", "-s", "malloc,10m",
            "-a", f"127.0.0.1:{port},PROXY", "-f", write("varnish.vcl",
            "vcl 4.1;\nbackend default none;\nsub vcl_recv { return (synth(200)); }\n"))
def gunicorn(port):
    return ("/usr/bin/python3", "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "--proxy-protocol",
            "application:application")
def twisted(port):
    return "/usr/bin/python3", here + "/with_twisted.py", str(port)
def free_port():
    while True:  # below the ports that the kernel hands out
        try:
            with socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as s:
                return s.getsockname()[1]
        except OSError:
            pass
def verdict(port, head):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as c:
        try:
            c.sendall(head + b"GET /page HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
            return "yes" if c.recv(12) == b"HTTP/1.1 200" else "no"
        except ConnectionError:
            return "no"
def second(command, family, block=b""):
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x20 + command, family]) + struct.pack(">H", len(block)) + block
widest = ":".join(["ffff"] * 8)
heads = {"TCP4": b"PROXY TCP4 192.0.2.7 192.0.2.8 1234 80\r\n",
         "UNKNOWN": b"PROXY UNKNOWN\r\n",
         "UNKNOWN with addresses": f"PROXY UNKNOWN {widest} {widest} 65535 65535\r\n".encode(),
         "v2 TCP4": second(1, 0x11, bytes(range(1, 13))),
         "v2 LOCAL": second(0, 0),
         "v2 PROXY, unspecified": second(1, 0)}
expected = {haproxy: "yes yes no yes yes no", nginx: "yes yes yes yes yes yes", apache: "yes no yes yes yes no",
            varnish: "yes no no yes yes yes", gunicorn: "yes no no no no no", twisted: "yes no yes yes yes yes"}
changed = False
print(*heads, sep=", ", end=":\n")
for server, wanted in expected.items():
    port = free_port()
    with open("log", "a") as log:
        p = subprocess.Popen(server(port), env=environment, stdout=log, stderr=log)
    try:
        for _ in range(300):
            try:
                if verdict(port, heads["TCP4"]) == "yes":
                    break
            except OSError:
                pass
            time.sleep(0.1)
        seen = " ".join(verdict(port, head) for head in heads.values())
    finally:
        p.terminate()
        p.wait()
    print(f"{server.__name__}: {seen}", flush=True)
    changed |= seen != wanted
sys.exit("this has changed" if changed else 0)
PY
timeout 200 /usr/bin/python3 run.py

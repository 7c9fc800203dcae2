#!/usr/bin/env bash
# A hub's certificate comes from an intermediate authority of the plant's, and that from a company's root. A client is given the
# intermediate alone as what it trusts, so as not to trust the whole company, or just the hub's own certificate.
# Guess: it works everywhere or nowhere; at least with one TLS library it is the same for all programs.
# Seen: of those on OpenSSL 3.0 curl takes both, and s_client, Python and Node neither: they look for a self-signed end. Go
# (rclone) and Botan take both. wget (GnuTLS) takes the intermediate, and the hub's own certificate only from a server that
# sends nothing else with it. "It works with curl" says nothing here; the root works with all.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssl=3.0.22-1~deb12u2 libssl3=3.0.22-1~deb12u2 curl=7.88.1-10+deb12u15 \
    libcurl4=7.88.1-10+deb12u15 libgnutls30=3.7.9-2+deb12u7 wget=1.21.3-1+deb12u1 botan=2.19.3+dfsg-1+deb12u1 libbotan-2-19 \
    libtspi1 libboost-filesystem1.74.0 rclone=1.60.1+dfsg-2+b5 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
certificate() { # NAME ISSUER EXTENSION
    openssl req -new -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$1.key" -out request.pem 2>/dev/null
    echo "$3" >extensions
    openssl x509 -req -in request.pem -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 60 -extfile extensions -out "$1.pem" 2>/dev/null
}
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=root -days 90 -keyout root.key -out root.pem 2>/dev/null
certificate plant root basicConstraints=critical,CA:TRUE
certificate hub plant subjectAltName=DNS:localhost
cat hub.pem plant.pem >chain.pem
cat >client.py <<'PY'
import socket, ssl, sys
port = int(sys.argv[1])
context = ssl.create_default_context(cafile="ca.pem")
with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as s:
    s.sendall(b"GET / HTTP/1.0\r\n\r\n")
    s.recv(100)
PY
cat >client.js <<'JS'
const options = { port: process.argv[2], host: '127.0.0.1', servername: 'localhost', ca: require('fs').readFileSync('ca.pem') }
require('tls').connect(options).on('secureConnect', function () { this.end('GET / HTTP/1.0\r\n\r\n') }).on('error', () => process.exit(1)).resume()
JS
export LD_LIBRARY_PATH="$t/root/usr/lib/$(gcc -print-multiarch)" PATH="$t/root/usr/bin:$PATH"
cat >run.py <<'PY'
import os, shutil, socket, ssl, subprocess, sys, threading
plain = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"} | {"no_proxy": "*"}
debian = os.environ | {"no_proxy": "*", "HOME": os.getcwd()}
def listen(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, "hub.key")
    s, done, verdict = socket.create_server(("127.0.0.1", 0)), threading.Event(), []
    def serve():
        with s, s.accept()[0] as c:
            c.settimeout(10)
            try:
                with context.wrap_socket(c, server_side=True) as tls:
                    verdict.append("yes" if tls.recv(4096) else "no")
                    tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            except OSError:
                verdict.append("no")
            done.set()
    threading.Thread(target=serve, daemon=True).start()
    return s.getsockname()[1], done, verdict
commands = {
    "curl": (debian, ["curl", "-s", "--cacert", "ca.pem", "https://localhost:{}/"]),
    "Python": (plain, ["/usr/bin/python3", "client.py", "{}"]),
    "Node": (plain, ["node", "client.js", "{}"]),
    "s_client": (debian, ["openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", "ca.pem", "-connect", "localhost:{}"]),
    "wget": (debian, ["wget", "-q", "-t", "1", "-O", "-", "--ca-certificate=ca.pem", "https://localhost:{}/"]),
    "Botan": (debian, ["botan", "tls_client", "localhost", "--port={}", "--trusted-cas=ca.pem", "--skip-system-cert-store"]),
    "rclone": (debian, ["rclone", "--config", "/dev/null", "--retries", "1", "--low-level-retries", "1", "--ca-cert", "ca.pem",
                        "lsf", "--http-url", "https://localhost:{}/", ":http:"]),
}
def run(name, trusted, certificate):
    shutil.copy(trusted, "ca.pem")
    port, done, verdict = listen(certificate)
    environment, command = commands[name]
    client = subprocess.Popen([word.format(port) for word in command], env=environment, stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        client.stdin.write(b"GET / HTTP/1.0\r\n\r\n")
        client.stdin.flush()
    except OSError:
        pass
    done.wait(30)
    client.kill()
    client.wait()
    return verdict[0] if verdict else "no"
# What is trusted and what the server sends: the root, its chain; the intermediate, its chain; the same, its own certificate
# alone; its own, its chain; its own, its own alone.
cases = [("root.pem", "chain.pem"), ("plant.pem", "chain.pem"), ("plant.pem", "hub.pem"), ("hub.pem", "chain.pem"), ("hub.pem", "hub.pem")]
expected = {"curl": "yes yes yes yes yes", "rclone": "yes yes yes yes yes", "Botan": "yes yes yes yes yes", "wget": "yes yes yes no yes",
            "s_client": "yes no no no no", "Python": "yes no no no no", "Node": "yes no no no no"}
changed = False
for name, verdicts in expected.items():
    seen = [run(name, trusted, sent) for trusted, sent in cases]
    print(f"{name}: root {seen[0]}; intermediate {seen[1]}, not sent {seen[2]}; the hub's own {seen[3]}, sent alone {seen[4]}", flush=True)
    changed |= " ".join(seen) != verdicts
sys.exit("this has changed" if changed else 0)
PY
/usr/bin/python3 run.py

#!/usr/bin/env bash
# A device's certificate may serve for anything, so its extendedKeyUsage says anyExtendedKeyUsage and nothing else (RFC 5280,
# section 4.2.1.12; the same section lets an application insist on a purpose of its own by name).
# Guess: "any" is any: whatever looks at the field takes it, for a server and for a client, as it does a certificate without one.
# Seen: as a server's, GnuTLS (wget), Botan and Go (rclone) take it; OpenSSL 3.0 (curl, Python, Node) says "unsuitable certificate
# purpose", NSS "not approved for application". As a client's, a GnuTLS server takes it and OpenSSL's does not. Without the
# extension all take it. A certificate for all names serverAuth and clientAuth.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssl=3.0.22-1~deb12u2 libssl3=3.0.22-1~deb12u2 curl=7.88.1-10+deb12u15 \
    libcurl4=7.88.1-10+deb12u15 gnutls-bin=3.7.9-2+deb12u7 libgnutls30=3.7.9-2+deb12u7 libgnutls-dane0 libunbound8 \
    libevent-2.1-7 libopts25 wget=1.21.3-1+deb12u1 botan=2.19.3+dfsg-1+deb12u1 libbotan-2-19 libtspi1 \
    libboost-filesystem1.74.0 libnss3-tools=2:3.87.1-1+deb12u4 libnss3=2:3.87.1-1+deb12u4 libnspr4 \
    rclone=1.60.1+dfsg-2+b5 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=ca -days 90 -keyout ca.key -out ca.pem 2>/dev/null
openssl req -new -newkey rsa:2048 -nodes -subj /CN=pump -keyout key.pem -out request.pem 2>/dev/null
make_certificate() { # NAME EXTENSIONS
    printf 'subjectAltName=DNS:localhost\n%s\n' "$2" >extensions
    openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 60 -extfile extensions -out "$1.pem" 2>/dev/null
}
make_certificate none ""
make_certificate any extendedKeyUsage=anyExtendedKeyUsage
make_certificate both extendedKeyUsage=serverAuth,clientAuth
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
mkdir nss
export LD_LIBRARY_PATH="$t/root/usr/lib/$(gcc -print-multiarch):$t/root/usr/lib" PATH="$t/root/usr/bin:$PATH"
certutil -N -d nss --empty-password
certutil -A -d nss -n ca -t CT,, -i ca.pem
cat >run.py <<'PY'
import os, socket, ssl, subprocess, sys, threading, time
plain = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"} | {"no_proxy": "*"}
debian = os.environ | {"no_proxy": "*", "HOME": os.getcwd()}
def listen(certificate, client_ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, "key.pem")
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
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
    "NSS": (debian, ["tstclnt", "-4", "-h", "localhost", "-p", "{}", "-d", "nss"]),
    "wget": (debian, ["wget", "-q", "-t", "1", "-O", "-", "--ca-certificate=ca.pem", "https://localhost:{}/"]),
    "Botan": (debian, ["botan", "tls_client", "localhost", "--port={}", "--trusted-cas=ca.pem", "--skip-system-cert-store"]),
    "rclone": (debian, ["rclone", "--config", "/dev/null", "--retries", "1", "--low-level-retries", "1", "--ca-cert", "ca.pem",
                        "lsf", "--http-url", "https://localhost:{}/", ":http:"]),
}
def as_server(name, certificate):
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
def ask(port, certificate):
    return subprocess.run(["curl", "-s", "--cacert", "ca.pem", "--cert", certificate, "--key", "key.pem", f"https://localhost:{port}/"],
                          env=debian, stdout=subprocess.DEVNULL, timeout=30).returncode
def as_client_openssl(certificate):
    port, done, verdict = listen("both.pem", "ca.pem")
    ask(port, certificate)
    done.wait(30)
    return verdict[0]
def as_client_gnutls(certificate):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    server = subprocess.Popen(["gnutls-serv", "-q", "--http", "-p", str(port), "--require-client-cert", "--verify-client-cert", "--x509cafile", "ca.pem",
                               "--x509certfile", "both.pem", "--x509keyfile", "key.pem"], env=debian,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        return "yes" if ask(port, certificate) == 0 else "no"
    finally:
        server.kill()
        server.wait()
seen = {n: [as_server(n, c + ".pem") for c in ("none", "both", "any")] for n in commands}
seen["an OpenSSL server"] = [as_client_openssl(c + ".pem") for c in ("none", "both", "any")]
seen["a GnuTLS server"] = [as_client_gnutls(c + ".pem") for c in ("none", "both", "any")]
for name, (none, both, any_) in seen.items():
    print(f"{name}: no extendedKeyUsage {none}; serverAuth and clientAuth {both}; anyExtendedKeyUsage {any_}", flush=True)
takes = {"wget", "Botan", "rclone", "a GnuTLS server"}
expected = {n: ["yes", "yes", "yes" if n in takes else "no"] for n in seen}
sys.exit(0 if seen == expected else "this has changed")
PY
/usr/bin/python3 run.py

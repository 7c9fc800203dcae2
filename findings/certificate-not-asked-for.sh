#!/usr/bin/env bash
# A program is given a certificate and a key for a server that wants one. The server says in its CertificateRequest which
# authorities it would like (RFC 8446, section 4.2.4), and the certificate's issuer is not among them, as when it names the
# root only and the device has its own certificate without the plant's intermediate, which the server has itself.
# Guess: a certificate that the user named is sent; the server judges it.
# Seen: curl, git, openssl s_client, Python, Node, NSS, gnutls-cli and mbedTLS do so. wget and aria2 (GnuTLS) and Go (rclone)
# send none, and say nothing: the server's log has "no certificate", and the same files work with curl.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssl=3.0.22-1~deb12u2 libssl3=3.0.22-1~deb12u2 curl=7.88.1-10+deb12u15 \
    libcurl4=7.88.1-10+deb12u15 libcurl3-gnutls=7.88.1-10+deb12u15 git=1:2.39.5-0+deb12u3 gnutls-bin=3.7.9-2+deb12u7 \
    libgnutls30=3.7.9-2+deb12u7 libgnutls-dane0 libunbound8 libevent-2.1-7 libopts25 wget=1.21.3-1+deb12u1 aria2=1.36.0-1 \
    libaria2-0=1.36.0-1 libc-ares2 libssh2-1 libnss3-tools=2:3.87.1-1+deb12u4 libnss3=2:3.87.1-1+deb12u4 libnspr4 \
    libmbedtls-dev=2.28.3-1 libmbedtls14=2.28.3-1 libmbedcrypto7 libmbedx509-1 rclone=1.60.1+dfsg-2+b5 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
certificate() { # NAME ISSUER EXTENSION
    openssl req -new -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$1.key" -out request.pem 2>/dev/null
    echo "$3" >extensions
    openssl x509 -req -in request.pem -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 60 -extfile extensions -out "$1.pem" 2>/dev/null
}
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=root -days 90 -keyout root.key -out root.pem 2>/dev/null
certificate plant root basicConstraints=critical,CA:TRUE
certificate hub root subjectAltName=DNS:localhost
certificate pump plant extendedKeyUsage=clientAuth
cat pump.pem plant.pem >chain.pem
cat >client.py <<'PY'
import socket, ssl, sys
port, certificate = int(sys.argv[1]), sys.argv[2]
context = ssl.create_default_context(cafile="root.pem")
context.load_cert_chain(certificate, "pump.key")
with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as s:
    s.sendall(b"GET / HTTP/1.0\r\n\r\n")
    s.recv(100)
PY
cat >client.js <<'JS'
const read = require('fs').readFileSync, [, , port, certificate] = process.argv
const options = { port, host: '127.0.0.1', servername: 'localhost', ca: read('root.pem'), cert: read(certificate), key: read('pump.key') }
require('tls').connect(options).on('secureConnect', function () { this.write('GET / HTTP/1.0\r\n\r\n') }).on('error', () => process.exit(1)).resume()
JS
cat >client.c <<'C'
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
int main(int argc, char **argv)
{
    mbedtls_x509_crt ca, own;
    mbedtls_pk_context key;
    mbedtls_ssl_config config;
    mbedtls_ssl_context tls;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_net_context net;
    unsigned char answer[100];
    mbedtls_x509_crt_init(&ca);
    mbedtls_x509_crt_init(&own);
    mbedtls_pk_init(&key);
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_init(&tls);
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random);
    mbedtls_net_init(&net);
    mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0);
    mbedtls_x509_crt_parse_file(&ca, "root.pem");
    mbedtls_x509_crt_parse_file(&own, argv[argc - 1]);
    mbedtls_pk_parse_keyfile(&key, "pump.key", NULL);
    mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_ca_chain(&config, &ca, NULL);
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random);
    mbedtls_ssl_conf_own_cert(&config, &own, &key);
    mbedtls_ssl_setup(&tls, &config);
    mbedtls_ssl_set_hostname(&tls, "localhost");
    mbedtls_net_connect(&net, "127.0.0.1", argv[1], MBEDTLS_NET_PROTO_TCP);
    mbedtls_ssl_set_bio(&tls, &net, mbedtls_net_send, mbedtls_net_recv, NULL);
    mbedtls_ssl_write(&tls, (const unsigned char *)"GET / HTTP/1.0\r\n\r\n", 18);
    return mbedtls_ssl_read(&tls, answer, sizeof answer) <= 0;
}
C
gcc -I root/usr/include -o with-mbed client.c -L "root/usr/lib/$(gcc -print-multiarch)" -lmbedtls -lmbedx509 -lmbedcrypto
export LD_LIBRARY_PATH="$t/root/usr/lib/$(gcc -print-multiarch):$t/root/usr/lib" PATH="$t/root/usr/bin:$PATH" HOME=$t
for name in pump chain; do
    mkdir "nss-$name"
    certutil -N -d "nss-$name" --empty-password
    certutil -A -d "nss-$name" -n ca -t CT,, -i root.pem
    openssl pkcs12 -export -in "$name.pem" -inkey pump.key -out me.p12 -passout pass: -name me
    pk12util -i me.p12 -d "nss-$name" -W "" >/dev/null
done
cat >run.py <<'PY'
import os, socket, subprocess, sys, time
plain = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"} | {"no_proxy": "*"}
debian = os.environ | {"no_proxy": "*"}
url, trust = "https://localhost:{0}/", "root.pem"
commands = {
    "curl": ["curl", "-s", "--cacert", trust, "--cert", "{1}.pem", "--key", "pump.key", url],
    "git": ["git", "-c", "http.sslCAInfo=" + trust, "-c", "http.sslCert={1}.pem", "-c", "http.sslKey=pump.key", "ls-remote", url],
    "s_client": ["openssl", "s_client", "-quiet", "-connect", "localhost:{0}", "-cert", "{1}.pem", "-cert_chain", "{1}.pem", "-key", "pump.key"],
    "Python": ["/usr/bin/python3", "client.py", "{0}", "{1}.pem"],
    "Node": ["node", "client.js", "{0}", "{1}.pem"],
    "NSS": ["tstclnt", "-4", "-h", "localhost", "-p", "{0}", "-d", "nss-{1}", "-n", "me"],
    "gnutls-cli": ["gnutls-cli", "--x509cafile", trust, "--x509certfile", "{1}.pem", "--x509keyfile", "pump.key", "-p", "{0}", "localhost"],
    "mbedTLS": ["./with-mbed", "{0}", "{1}.pem"],
    "wget": ["wget", "-q", "-t", "1", "-O", "-", "--ca-certificate", trust, "--certificate", "{1}.pem", "--private-key", "pump.key", url],
    "aria2": ["aria2c", "-q", "-m", "1", "-d", "got", "--allow-overwrite=true", "-o", "page", "--ca-certificate=" + trust,
              "--certificate={1}.pem", "--private-key=pump.key", url],
    "rclone": ["rclone", "--config", "/dev/null", "--retries", "1", "--low-level-retries", "1", "--ca-cert", trust,
               "--client-cert", "{1}.pem", "--client-key", "pump.key", "lsf", "--http-url", url, ":http:"],
}
def run(name, certificate, wanted):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    with open("server.log", "wb") as log:
        server = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", "hub.pem", "-key", "hub.key",
                                   "-verify", "3", "-CAfile", wanted, "-www"], env=debian, stdout=log, stderr=log)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.1)
    client = subprocess.Popen([w.format(port, certificate) for w in commands[name]], env=plain if name in ("Python", "Node") else debian,
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        client.communicate(b"GET / HTTP/1.0\r\n\r\n", timeout=5)
    except subprocess.TimeoutExpired:
        pass
    client.kill()
    client.wait()
    server.kill()
    server.wait()
    with open("server.log") as log:
        return "sent" if "CN = pump" in log.read() else "none"
changed = False
for name in commands:
    seen = [run(name, "chain", "root.pem"), run(name, "pump", "root.pem"), run(name, "chain", "hub.pem")]
    print(f"{name}: the root is asked for, the chain leads there: {seen[0]}; without the intermediate: {seen[1]}; another is asked for: {seen[2]}", flush=True)
    kept = name in ("wget", "aria2", "rclone")
    changed |= seen != (["sent", "none", "none"] if kept else ["sent", "sent", "sent"])
sys.exit("this has changed" if changed else 0)
PY
/usr/bin/python3 run.py

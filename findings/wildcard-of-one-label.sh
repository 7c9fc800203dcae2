#!/usr/bin/env bash
# A private certificate for everything below a private suffix of one label: subjectAltName DNS:*.tunnel, and a
# client that asks for ssh1.tunnel.
# Guess: it matches, as *.example.org matches www.example.org.
# Seen: OpenSSL, GnuTLS and Node refuse a wildcard right below a top-level name; with *.lan.tunnel all match.
# A private suffix for TLS needs two labels.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssl=3.0.22-1~deb12u2 libssl3=3.0.22-1~deb12u2 \
    gnutls-bin=3.7.9-2+deb12u7 libgnutls30=3.7.9-2+deb12u7 libgnutls-dane0 libunbound8 libevent-2.1-7 libopts25 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
export PATH="$t/root/usr/bin:$PATH" LD_LIBRARY_PATH="$t/root/usr/lib/$(gcc -print-multiarch)"
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=ca -days 9 -keyout ca.key -out ca.pem 2>/dev/null
make_certificate() { # FILE NAME
    openssl req -new -newkey rsa:2048 -nodes -subj /CN=hub -keyout key.pem -out request.pem 2>/dev/null
    echo "subjectAltName=DNS:$2" >extensions
    openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -extfile extensions \
        -out "$1" 2>/dev/null
}
make_certificate one.pem '*.tunnel'
make_certificate two.pem '*.lan.tunnel'
cat >node.js <<'JS'
const x = new (require('crypto').X509Certificate)(require('fs').readFileSync(process.argv[2]))
process.exit(require('tls').checkServerIdentity(process.argv[3], x.toLegacyObject()) ? 1 : 0)
JS
verdict() { "$@" >/dev/null 2>&1 && echo yes || echo no; }
changed=no
try() { # FILE NAME EXPECTED
    local seen
    seen="OpenSSL $(verdict openssl verify -CAfile ca.pem -verify_hostname "$2" "$1") \
GnuTLS $(verdict certtool --verify --load-ca-certificate ca.pem --verify-hostname "$2" --infile "$1") \
Node $(verdict node node.js "$1" "$2")"
    echo "$(openssl x509 -in "$1" -noout -ext subjectAltName | tail -1 | tr -d ' ') for $2: $seen"
    [ "$seen" = "$3" ] || changed=yes
}
openssl version
certtool --version | head -1
try one.pem ssh1.tunnel "OpenSSL no GnuTLS no Node no"
try two.pem ssh1.lan.tunnel "OpenSSL yes GnuTLS yes Node yes"
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

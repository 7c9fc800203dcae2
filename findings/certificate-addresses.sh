#!/usr/bin/env bash
# A hub without a name: its certificate carries its address, as an iPAddress in subjectAltName (RFC 5280,
# section 4.2.1.6), and clients ask for that address.
# Guess: every TLS library matches it, IPv4 and IPv6.
# Seen: OpenSSL, GnuTLS and Node do. mbedTLS 2.28 never looks at iPAddress: it wants the address as the *text* of
# a DNS name, which those three refuse. wolfSSL matches IPv4 but not IPv6. A certificate with both forms works for
# IPv4 with all of them.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssl=3.0.22-1~deb12u2 libssl3=3.0.22-1~deb12u2 \
    gnutls-bin=3.7.9-2+deb12u7 libgnutls30=3.7.9-2+deb12u7 libgnutls-dane0 libunbound8 libevent-2.1-7 libopts25 \
    libmbedtls-dev=2.28.3-1 libmbedcrypto7 libmbedx509-1 libwolfssl-dev=5.5.4-2+deb12u3 libwolfssl35 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
lib=$t/root/usr/lib/$(gcc -print-multiarch)
export PATH="$t/root/usr/bin:$PATH" LD_LIBRARY_PATH="$lib"
cat >mbed.c <<'C'
#include <mbedtls/x509_crt.h>
int main(int argc, char **argv)
{
    mbedtls_x509_crt ca, crt;
    uint32_t flags = 0;
    mbedtls_x509_crt_init(&ca);
    mbedtls_x509_crt_init(&crt);
    return mbedtls_x509_crt_parse_file(&ca, "ca.pem") != 0 || mbedtls_x509_crt_parse_file(&crt, argv[1]) != 0 ||
           mbedtls_x509_crt_verify(&crt, &ca, NULL, argv[argc - 1], &flags, NULL, NULL) != 0;
}
C
cat >wolf.c <<'C'
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
int main(int argc, char **argv)
{
    wolfSSL_Init();
    WOLFSSL_X509 *crt = wolfSSL_X509_load_certificate_file(argv[1], SSL_FILETYPE_PEM);
    return crt == NULL || wolfSSL_X509_check_ip_asc(crt, argv[argc - 1], 0) != 1;
}
C
gcc -I root/usr/include -o with-mbed mbed.c -L "$lib" -lmbedx509 -lmbedcrypto
gcc -I root/usr/include -DOPENSSL_EXTRA -o with-wolf wolf.c -L "$lib" -lwolfssl
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=ca -days 9 -keyout ca.key -out ca.pem 2>/dev/null
make_certificate() { # NAME SUBJECTALTNAME
    openssl req -new -newkey rsa:2048 -nodes -subj /CN=hub -keyout key.pem -out request.pem 2>/dev/null
    echo "subjectAltName=$2" >extensions
    openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -extfile extensions \
        -out "$1" 2>/dev/null
}
make_certificate ip-v4.pem IP:127.0.0.1
make_certificate ip-v6.pem IP:::1
make_certificate dns-v4.pem DNS:127.0.0.1
make_certificate ip-and-dns-v4.pem IP:127.0.0.1,DNS:127.0.0.1
cat >node.js <<'JS'
const x = new (require('crypto').X509Certificate)(require('fs').readFileSync(process.argv[2]))
process.exit(require('tls').checkServerIdentity(process.argv[3], x.toLegacyObject()) ? 1 : 0)
JS
verdict() { "$@" >/dev/null 2>&1 && echo yes || echo no; }
changed=no
try() { # FILE ADDRESS EXPECTED
    local seen
    seen="OpenSSL $(verdict openssl verify -CAfile ca.pem -verify_ip "$2" "$1") \
GnuTLS $(verdict certtool --verify --load-ca-certificate ca.pem --verify-hostname "$2" --infile "$1") \
Node $(verdict node node.js "$1" "$2") mbedTLS $(verdict ./with-mbed "$1" "$2") wolfSSL $(verdict ./with-wolf "$1" "$2")"
    echo "$1, asked for $2: $seen"
    [ "$seen" = "$3" ] || changed=yes
}
try ip-v4.pem 127.0.0.1 "OpenSSL yes GnuTLS yes Node yes mbedTLS no wolfSSL yes"
try ip-v6.pem ::1 "OpenSSL yes GnuTLS yes Node yes mbedTLS no wolfSSL no"
try dns-v4.pem 127.0.0.1 "OpenSSL no GnuTLS no Node no mbedTLS yes wolfSSL yes"
try ip-and-dns-v4.pem 127.0.0.1 "OpenSSL yes GnuTLS yes Node yes mbedTLS yes wolfSSL yes"
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

#!/usr/bin/env bash
# An EC private key that holds the number only: RFC 5915 makes the public point in it optional, since it follows
# from the number.
# Guess: every tool works the point out.
# Seen: OpenSSL, mbedTLS, wolfSSL and Botan take the key; GnuTLS refuses it, in SEC 1 form and in PKCS #8.
# OpenSSL reads and writes it back with the point, and then GnuTLS takes it.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssl=3.0.22-1~deb12u2 libssl3=3.0.22-1~deb12u2 \
    gnutls-bin=3.7.9-2+deb12u7 libgnutls30=3.7.9-2+deb12u7 libgnutls-dane0 libunbound8 libevent-2.1-7 libopts25 \
    libmbedtls-dev=2.28.3-1 libmbedcrypto7 libmbedx509-1 libwolfssl-dev=5.5.4-2+deb12u3 libwolfssl35 \
    botan=2.19.3+dfsg-1+deb12u1 libbotan-2-19 libtspi1 libboost-filesystem1.74.0 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
lib=$t/root/usr/lib/$(gcc -print-multiarch)
export PATH="$t/root/usr/bin:$PATH" LD_LIBRARY_PATH="$lib"
cat >mbed.c <<'C'
#include <mbedtls/pk.h>
int main(int argc, char **argv)
{
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    return mbedtls_pk_parse_keyfile(&key, argv[argc - 1], NULL) != 0;
}
C
cat >wolf.c <<'C'
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
int main(int argc, char **argv)
{
    wolfSSL_Init();
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfTLSv1_2_client_method());
    return wolfSSL_CTX_use_PrivateKey_file(context, argv[argc - 1], SSL_FILETYPE_PEM) != SSL_SUCCESS;
}
C
gcc -I root/usr/include -o with-mbed mbed.c -L "$lib" -lmbedcrypto
gcc -I root/usr/include -o with-wolf wolf.c -L "$lib" -lwolfssl
openssl ecparam -name prime256v1 -genkey -noout -out with-point-sec1.pem
openssl ec -in with-point-sec1.pem -no_public -out without-point-sec1.pem 2>/dev/null
for kind in with without; do
    openssl pkcs8 -topk8 -nocrypt -in $kind-point-sec1.pem -out $kind-point-pkcs8.pem
done
openssl ec -in without-point-sec1.pem -out again-with-point-sec1.pem 2>/dev/null
verdict() { "$@" >/dev/null 2>&1 && echo yes || echo no; }
changed=no
try() { # FILE, EXPECTED of GnuTLS, EXPECTED of Botan
    local seen
    seen="OpenSSL $(verdict openssl pkey -noout -in "$1"), mbedTLS $(verdict ./with-mbed "$1"), wolfSSL \
$(verdict ./with-wolf "$1"), GnuTLS $(verdict certtool -k --infile "$1"), Botan $(verdict botan pkcs8 "$1")"
    echo "$1: $seen"
    [ "$seen" = "OpenSSL yes, mbedTLS yes, wolfSSL yes, GnuTLS $2, Botan $3" ] || changed=yes
}
certtool --version | head -1
try with-point-sec1.pem yes no # Botan's command reads PKCS #8 only
try with-point-pkcs8.pem yes yes
try without-point-sec1.pem no no
try without-point-pkcs8.pem no yes
try again-with-point-sec1.pem yes no
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

#!/usr/bin/env bash
# A PEM certificate with a blank line between its base64 text and the END line, as files have it that came
# through a mail, a form or a template. RFC 7468, section 3, lets parsers skip white space there.
# Guess: all tools read it or none does.
# Seen: GnuTLS, mbedTLS, wolfSSL and Botan read it; OpenSSL refuses the file. A blank line behind BEGIN is fine
# everywhere.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssl=3.0.22-1~deb12u2 libssl3=3.0.22-1~deb12u2 gnutls-bin=3.7.9-2+deb12u7 libgnutls30 \
    libgnutls-dane0 libunbound8 libevent-2.1-7 libopts25 libmbedtls-dev=2.28.3-1 libmbedcrypto7 libmbedx509-1 \
    libwolfssl-dev=5.5.4-2+deb12u3 libwolfssl35 botan=2.19.3+dfsg-1+deb12u1 libbotan-2-19 libtspi1 \
    libboost-filesystem1.74.0 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
lib=$t/root/usr/lib/$(gcc -print-multiarch)
export PATH="$t/root/usr/bin:$PATH" LD_LIBRARY_PATH="$lib"
cat >mbed.c <<'C'
#include <mbedtls/x509_crt.h>
int main(int argc, char **argv)
{
    mbedtls_x509_crt chain;
    mbedtls_x509_crt_init(&chain);
    return mbedtls_x509_crt_parse_file(&chain, argv[argc - 1]) != 0;
}
C
cat >wolf.c <<'C'
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
int main(int argc, char **argv)
{
    wolfSSL_Init();
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfTLSv1_2_client_method());
    return wolfSSL_CTX_load_verify_locations(context, argv[argc - 1], NULL) != SSL_SUCCESS;
}
C
gcc -I root/usr/include -o with-mbed mbed.c -L "$lib" -lmbedx509 -lmbedcrypto
gcc -I root/usr/include -o with-wolf wolf.c -L "$lib" -lwolfssl
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=one -days 9 -keyout key.pem -out plain.pem 2>/dev/null
sed '1a\\' plain.pem >behind-begin.pem
sed '$i\\' plain.pem >before-end.pem
verdict() { "$@" >/dev/null 2>&1 && echo reads || echo refuses; }
changed=no
for file in plain behind-begin before-end; do
    f=$file.pem
    seen="OpenSSL $(verdict openssl x509 -noout -in $f), GnuTLS $(verdict certtool -i --infile $f), \
mbedTLS $(verdict ./with-mbed $f), wolfSSL $(verdict ./with-wolf $f), Botan $(verdict botan cert_info $f)"
    echo "$file: $seen"
    expected="OpenSSL reads, GnuTLS reads, mbedTLS reads, wolfSSL reads, Botan reads"
    [ $file != before-end ] || expected=${expected/OpenSSL reads/OpenSSL refuses}
    [ "$seen" = "$expected" ] || changed=yes
done
openssl version
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

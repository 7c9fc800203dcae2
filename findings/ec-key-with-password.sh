#!/usr/bin/env bash
# A device's P-256 key with a password, as openssl writes it: PKCS #8 (by default PBES2 with AES-256 and hmacWithSHA256), or the
# old form with a Proc-Type line.
# Guess: the default of OpenSSL 3 is read by all libraries that are in use, the old form by fewer.
# Seen: the old form is read by all. mbedTLS 2.28 reads no PKCS #8 with AES, whatever the hash, and takes it with triple
# DES. wolfSSL does not know hmacWithSHA512; GnuTLS, wolfSSL and mbedTLS do not know scrypt.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssl=3.0.22-1~deb12u2 libssl3=3.0.22-1~deb12u2 \
    gnutls-bin=3.7.9-2+deb12u7 libgnutls30=3.7.9-2+deb12u7 libgnutls-dane0 libunbound8 libevent-2.1-7 libopts25 \
    libmbedtls-dev=2.28.3-1 libmbedcrypto7 libmbedx509-1 libwolfssl-dev=5.5.4-2+deb12u3 libwolfssl35 \
    python3-cryptography=38.0.4-3+deb12u1 python3-cffi-backend >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
lib=$t/root/usr/lib/$(gcc -print-multiarch)
export PATH="$t/root/usr/bin:$PATH" LD_LIBRARY_PATH="$lib" PYTHONPATH="$t/root/usr/lib/python3/dist-packages"
cat >mbed.c <<'C'
#include <mbedtls/pk.h>
int main(int argc, char **argv)
{
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    return mbedtls_pk_parse_keyfile(&key, argv[argc - 1], "device") != 0;
}
C
cat >wolf.c <<'C'
#include <string.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
static int password(char *to, int size, int writing, void *unused)
{
    (void)size, (void)writing, (void)unused;
    strcpy(to, "device");
    return (int)strlen(to);
}
int main(int argc, char **argv)
{
    wolfSSL_Init();
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfTLSv1_2_client_method());
    wolfSSL_CTX_set_default_passwd_cb(context, password);
    return wolfSSL_CTX_use_PrivateKey_file(context, argv[argc - 1], SSL_FILETYPE_PEM) != SSL_SUCCESS;
}
C
gcc -I root/usr/include -o with-mbed mbed.c -L "$lib" -lmbedcrypto
gcc -I root/usr/include -o with-wolf wolf.c -L "$lib" -lwolfssl
openssl ecparam -name prime256v1 -genkey -noout -out key.pem
openssl ec -in key.pem -aes256 -passout pass:device -out old.pem 2>/dev/null
pkcs8() { openssl pkcs8 -topk8 -in key.pem -passout pass:device -out "$1.pem" "${@:2}"; }
pkcs8 default
pkcs8 sha1 -v2prf hmacWithSHA1
pkcs8 sha512 -v2prf hmacWithSHA512
pkcs8 scrypt -scrypt
pkcs8 des3 -v2 des3 -v2prf hmacWithSHA1
with_openssl() { openssl pkey -noout -in "$1" -passin pass:device; }
with_gnutls() { certtool -k --infile "$1" --password device; }
with_mbedtls() { ./with-mbed "$1"; }
with_wolfssl() { ./with-wolf "$1"; }
with_cryptography() {
    /usr/bin/python3 -W ignore -c '
import sys
from cryptography.hazmat.primitives.serialization import load_pem_private_key
load_pem_private_key(open(sys.argv[1], "rb").read(), b"device")' "$1"
}
changed=no
try() { # READER, EXPECTED
    local seen=() form
    for form in old default sha1 sha512 scrypt des3; do
        "with_$1" $form.pem >/dev/null 2>&1 && seen+=("$form yes") || seen+=("$form no")
    done
    echo "$1: ${seen[*]}"
    [ "${seen[*]}" = "$2" ] || changed=yes
}
try openssl "old yes default yes sha1 yes sha512 yes scrypt yes des3 yes"
try cryptography "old yes default yes sha1 yes sha512 yes scrypt yes des3 yes"
try gnutls "old yes default yes sha1 yes sha512 yes scrypt no des3 yes"
try wolfssl "old yes default yes sha1 yes sha512 no scrypt no des3 yes"
try mbedtls "old yes default no sha1 no sha512 no scrypt no des3 yes"
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

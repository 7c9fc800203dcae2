#!/usr/bin/env bash
# A device's P-256 key in PKCS #8 as RFC 5958 has it since 2010: version 2, with the public key in a field of its own, so that
# nobody has to work it out.
# Guess: what reads PKCS #8 reads both versions; the older RFC's readers would at least skip the field.
# Seen: OpenSSL 3.0, GnuTLS, mbedTLS, Botan and pyca's cryptography refuse the file;
# wolfSSL, BearSSL, asyncssh and sshpk read it. A public key inside the inner ECPrivateKey is read by all.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssl=3.0.22-1~deb12u2 libssl3=3.0.22-1~deb12u2 \
    gnutls-bin=3.7.9-2+deb12u7 libgnutls30=3.7.9-2+deb12u7 libgnutls-dane0 libunbound8 libevent-2.1-7 libopts25 \
    libmbedtls-dev=2.28.3-1 libmbedcrypto7 libmbedx509-1 libwolfssl-dev=5.5.4-2+deb12u3 libwolfssl35 \
    botan=2.19.3+dfsg-1+deb12u1 libbotan-2-19 libtspi1 libboost-filesystem1.74.0 libbearssl-dev=0.6+dfsg.1-3 \
    libbearssl0=0.6+dfsg.1-3 python3-cryptography=38.0.4-3+deb12u1 python3-cffi-backend \
    python3-asyncssh=2.10.1-2+deb12u2 python3-typing-extensions >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock sshpk@1.18.0
lib=$t/root/usr/lib/$(gcc -print-multiarch)
export PATH="$t/root/usr/bin:$PATH" LD_LIBRARY_PATH="$lib" PYTHONPATH="$t/root/usr/lib/python3/dist-packages"
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
cat >bear.c <<'C'
#include <bearssl.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    unsigned char der[1000];
    FILE *f = fopen(argv[argc - 1], "rb");
    br_skey_decoder_context decoder;
    br_skey_decoder_init(&decoder);
    br_skey_decoder_push(&decoder, der, fread(der, 1, sizeof der, f));
    return br_skey_decoder_last_error(&decoder) != 0;
}
C
gcc -I root/usr/include -o with-mbed mbed.c -L "$lib" -lmbedcrypto
gcc -I root/usr/include -o with-wolf wolf.c -L "$lib" -lwolfssl
gcc -I root/usr/include -o with-bear bear.c -L "$lib" -lbearssl
openssl ecparam -name prime256v1 -genkey -noout -out sec1.pem
openssl pkcs8 -topk8 -nocrypt -in sec1.pem -outform DER -out first.der
openssl ec -in sec1.pem -pubout -outform DER -out public.der 2>/dev/null
python3 - <<'PY'
import base64
def item(tag, body):
    return bytes([tag]) + (bytes([len(body)]) if len(body) < 128 else b"\x81" + bytes([len(body)])) + body
first, point = open("first.der", "rb").read(), open("public.der", "rb").read()[-65:]
assert first[:6] == b"\x30\x81" + first[2:3] + b"\2\1\0"
second = item(0x30, b"\2\1\1" + first[6:] + item(0x81, b"\0" + point))
open("second.der", "wb").write(second)
for name, der in ("first", first), ("second", second):
    with open(name + ".pem", "w") as f:
        f.write("-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(der).decode() + "-----END PRIVATE KEY-----\n")
PY
with_openssl() { openssl pkey -noout -in "$1.pem"; }
with_gnutls() { certtool -k --infile "$1.pem"; }
with_mbedtls() { ./with-mbed "$1.pem"; }
with_botan() { botan pkcs8 "$1.pem"; }
with_cryptography() {
    /usr/bin/python3 -W ignore -c '
import sys
from cryptography.hazmat.primitives.serialization import load_pem_private_key
load_pem_private_key(open(sys.argv[1], "rb").read(), None)' "$1.pem"
}
with_wolfssl() { ./with-wolf "$1.pem"; }
with_bearssl() { ./with-bear "$1.der"; }
with_asyncssh() { /usr/bin/python3 -W ignore -c 'import asyncssh, sys; asyncssh.read_private_key(sys.argv[1])' "$1.pem"; }
with_sshpk() { node -e 'require("sshpk").parsePrivateKey(require("fs").readFileSync(process.argv[1]))' "$1.pem"; }
changed=no
try() { # READER, EXPECTED of version 2
    local seen=() version
    for version in first second; do
        "with_$1" $version >/dev/null 2>&1 && seen+=(yes) || seen+=(no)
    done
    echo "$1: version 1 ${seen[0]}, version 2 ${seen[1]}"
    [ "${seen[*]}" = "yes $2" ] || changed=yes
}
for reader in openssl gnutls mbedtls botan cryptography; do try $reader no; done
for reader in wolfssl bearssl asyncssh sshpk; do try $reader yes; done
openssl version
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

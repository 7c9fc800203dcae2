#!/usr/bin/env bash
# A private CA's certificate is made anew, with the same key and name, by another tool, which writes the name as UTF8String where it
# was a PrintableString, or has another case or a blank more. Devices have certificates from before. RFC 5280, section 7.1, compares
# names by their characters, without case and with runs of blanks as one, whichever of the two types they have.
# Guess: TLS libraries find the CA by its new certificate; one for small devices may compare bytes.
# Seen: OpenSSL 3.0.22 and botan 2.19.3 find it in all three cases; mbedTLS 2.28.3 knows types and case, and takes another blank for
# another name. GnuTLS 3.7.9, BearSSL 0.6 and wolfSSL 5.5.4 compare bytes: for them the issuer is not known, although its key
# fits. Who renews a CA takes the name from the old certificate, byte by byte, and tries it with each kind of client.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssl=3.0.22-1~deb12u2 libssl3=3.0.22-1~deb12u2 \
    gnutls-bin=3.7.9-2+deb12u7 libgnutls30=3.7.9-2+deb12u7 libgnutls-dane0 libunbound8 libevent-2.1-7 libopts25 \
    libmbedtls-dev=2.28.3-1 libmbedcrypto7 libmbedx509-1 libwolfssl-dev=5.5.4-2+deb12u3 libwolfssl35 \
    libbearssl-dev=0.6+dfsg.1-3 libbearssl0 botan=2.19.3+dfsg-1+deb12u1 libbotan-2-19 libtspi1 >/dev/null
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
    return mbedtls_x509_crt_parse_file(&ca, argv[1]) != 0 || mbedtls_x509_crt_parse_file(&crt, argv[2]) != 0 ||
           mbedtls_x509_crt_verify(&crt, &ca, NULL, NULL, &flags, NULL, NULL) != 0;
}
C
cat >wolf.c <<'C'
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
int main(int argc, char **argv)
{
    wolfSSL_Init();
    WOLFSSL_CERT_MANAGER *manager = wolfSSL_CertManagerNew();
    return wolfSSL_CertManagerLoadCA(manager, argv[1], NULL) != WOLFSSL_SUCCESS ||
           wolfSSL_CertManagerVerify(manager, argv[2], WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS;
}
C
cat >bear.c <<'C'
#include <bearssl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
struct bytes { size_t n; unsigned char at[4000]; };
static void add(void *to, const void *from, size_t n)
{
    struct bytes *b = to;
    memcpy(b->at + b->n, from, n);
    b->n += n;
}
static void read_file(struct bytes *b, const char *name)
{
    FILE *f = fopen(name, "rb");
    b->n = fread(b->at, 1, sizeof b->at, f);
    fclose(f);
}
int main(int argc, char **argv)
{
    static struct bytes ca, leaf, name;
    read_file(&ca, argv[1]);
    read_file(&leaf, argv[2]);
    static br_x509_decoder_context decoder;
    br_x509_decoder_init(&decoder, add, &name);
    br_x509_decoder_push(&decoder, ca.at, ca.n);
    br_x509_pkey *key = br_x509_decoder_get_pkey(&decoder);
    if (key == NULL)
        return 2;
    br_x509_trust_anchor anchor = {{name.at, name.n}, BR_X509_TA_CA, *key};
    static br_x509_minimal_context x;
    br_x509_minimal_init(&x, &br_sha256_vtable, &anchor, 1);
    br_x509_minimal_set_hash(&x, br_sha256_ID, &br_sha256_vtable);
    br_x509_minimal_set_ecdsa(&x, &br_ec_all_m31, br_ecdsa_i31_vrfy_asn1);
    br_x509_minimal_set_time(&x, (uint32_t)(time(NULL) / 86400 + 719528), 43200);
    x.vtable->start_chain(&x.vtable, NULL);
    x.vtable->start_cert(&x.vtable, (uint32_t)leaf.n);
    x.vtable->append(&x.vtable, leaf.at, leaf.n);
    x.vtable->end_cert(&x.vtable);
    return x.vtable->end_chain(&x.vtable) != 0;
}
C
gcc -I root/usr/include -o with-mbed mbed.c -L "$lib" -lmbedx509 -lmbedcrypto
gcc -I root/usr/include -o with-wolf wolf.c -L "$lib" -lwolfssl
gcc -I root/usr/include -o with-bear bear.c -L "$lib" -lbearssl
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
make_ca() { # NAME STRINGS SUBJECT
    printf '[req]\ndistinguished_name=dn\nstring_mask=%s\nx509_extensions=v3\n[dn]\n[v3]\n%s\n' "$2" \
        'basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign' >config
    openssl req -x509 -key ca.key -config config -days 3000 -subj "$3" -out "$1".pem
    openssl x509 -in "$1".pem -outform DER -out "$1".der
}
make_ca same MASK:2 "/O=Pump Works/CN=Device CA"
make_ca other-type utf8only "/O=Pump Works/CN=Device CA"
make_ca other-case MASK:2 "/O=PUMP WORKS/CN=Device CA"
make_ca other-blanks MASK:2 "/O=Pump Works/CN=Device  CA"
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -subj /CN=pump-07 -out leaf.csr 2>/dev/null
printf 'subjectAltName=DNS:pump-07.example\nkeyUsage=critical,digitalSignature\n' >extensions
openssl x509 -req -in leaf.csr -CA same.pem -CAkey ca.key -set_serial 7 -days 900 -extfile extensions -out leaf.pem 2>/dev/null
openssl x509 -in leaf.pem -outform DER -out leaf.der
verdict() { "$@" >/dev/null 2>&1 && echo yes || echo no; }
changed=no
try() { # CA EXPECTED
    local seen
    seen="OpenSSL $(verdict openssl verify -CAfile "$1".pem leaf.pem) \
GnuTLS $(verdict certtool --verify --load-ca-certificate "$1".pem --infile leaf.pem) BearSSL $(verdict ./with-bear "$1".der leaf.der) \
mbedTLS $(verdict ./with-mbed "$1".pem leaf.pem) wolfSSL $(verdict ./with-wolf "$1".pem leaf.pem) \
botan $(botan cert_verify leaf.pem "$1".pem 2>&1 | grep -q '^Certificate passes' && echo yes || echo no)"
    echo "CA's name of $1: $seen"
    [ "$seen" = "$2" ] || changed=yes
}
try same "OpenSSL yes GnuTLS yes BearSSL yes mbedTLS yes wolfSSL yes botan yes"
try other-type "OpenSSL yes GnuTLS no BearSSL no mbedTLS yes wolfSSL no botan yes"
try other-case "OpenSSL yes GnuTLS no BearSSL no mbedTLS yes wolfSSL no botan yes"
try other-blanks "OpenSSL yes GnuTLS no BearSSL no mbedTLS no wolfSSL no botan yes"
[ "$changed" = no ]

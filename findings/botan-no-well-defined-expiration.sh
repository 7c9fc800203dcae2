#!/usr/bin/env bash
# A device's birth certificate that never ends: RFC 5280, section 4.1.2.5, gives such a one the notAfter
# 99991231235959Z, and IEEE 802.1AR wants it in every device identity.
# Guess: every library reads it.
# Seen: OpenSSL, GnuTLS and Node do; Botan 2 refuses the whole certificate: "Time
# 99991231235959Z does not seem to be valid". It takes no year behind 3100.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssl=3.0.22-1~deb12u2 libssl3=3.0.22-1~deb12u2 \
    gnutls-bin=3.7.9-2+deb12u7 libgnutls30=3.7.9-2+deb12u7 libgnutls-dane0 libunbound8 libevent-2.1-7 libopts25 \
    botan=2.19.3+dfsg-1+deb12u1 libbotan-2-19 libtspi1 libboost-filesystem1.74.0 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
PATH="$t/root/usr/bin:$PATH"
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export PATH LD_LIBRARY_PATH
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=ca -days 9 -keyout ca.key -out ca.pem 2>/dev/null
openssl req -new -newkey rsa:2048 -nodes -subj /CN=device -keyout key.pem -out request.pem 2>/dev/null
mkdir issued
touch index
echo 01 >serial
cat >ca.conf <<'C'
[ca]
default_ca = this
[this]
database = index
serial = serial
new_certs_dir = issued
certificate = ca.pem
private_key = ca.key
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = supplied
C
read_by() { "$@" >/dev/null 2>&1 && echo reads || echo refuses; }
changed=no
try() { # NOTAFTER EXPECTED of Botan
    local seen
    openssl ca -batch -config ca.conf -in request.pem -out "$1.pem" -notext -startdate 20200101000000Z \
        -enddate "$1" 2>/dev/null
    seen="OpenSSL $(read_by openssl verify -CAfile ca.pem "$1.pem"), \
GnuTLS $(read_by certtool --verify --load-ca-certificate ca.pem --infile "$1.pem"), \
Node $(read_by node -e "new (require('crypto').X509Certificate)(require('fs').readFileSync('$1.pem')).validTo"), \
Botan $(botan cert_info "$1.pem" 2>/dev/null | grep -q Subject && echo reads || echo refuses)"
    echo "$1: $seen"
    [ "$seen" = "OpenSSL reads, GnuTLS reads, Node reads, Botan $2" ] || changed=yes
}
echo "Botan $(botan version)"
try 20991231235959Z reads
try 31001231235959Z reads
try 31010101000000Z refuses
try 99991231235959Z refuses
botan cert_info 99991231235959Z.pem 2>&1 | head -1 || true
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

#!/usr/bin/env bash
# A key and a certificate for a device as one PKCS #12 file without a password, made by GnuTLS' certtool.
# Guess: --password "" and --null-password are two words for the same, and others open the file with an empty password.
# Seen: with --null-password they do. With --password "" it is a file in which nobody but GnuTLS finds the key.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssl=3.0.22-1~deb12u2 libssl3=3.0.22-1~deb12u2 \
    gnutls-bin=3.7.9-2+deb12u7 libgnutls30=3.7.9-2+deb12u7 libgnutls-dane0 libunbound8 libevent-2.1-7 libopts25 \
    libnss3-tools=2:3.87.1-1+deb12u4 libnss3=2:3.87.1-1+deb12u4 libnspr4 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
PATH="$t/root/usr/bin:$PATH"
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export PATH LD_LIBRARY_PATH
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=device -days 9 -keyout key.pem -out certificate.pem 2>/dev/null
mkdir nss
certutil -N -d nss --empty-password
keys_in() { # PATTERN COMMAND...: how many private keys the command shows
    local pattern=$1
    shift
    "$@" 2>/dev/null | grep -c "$pattern" || true
}
changed=no
try() { # EXPECTED OPTION...
    local expected=$1 seen
    shift
    certtool --to-p12 --load-privkey key.pem --load-certificate certificate.pem --p12-name device --outder \
        --outfile device.p12 "$@" 2>/dev/null
    seen="GnuTLS $(keys_in PRIVATE certtool --p12-info --inder --infile device.p12 --password '')"
    seen+=", OpenSSL $(keys_in PRIVATE openssl pkcs12 -in device.p12 -passin pass: -nodes)"
    seen+=", NSS $(keys_in 'Key(' pk12util -d nss -l device.p12 -W '')"
    echo "$* : private keys found by $seen"
    [ "$seen" = "$expected" ] || changed=yes
}
certtool --version | head -1
try "GnuTLS 2, OpenSSL 2, NSS 1" --null-password
try "GnuTLS 2, OpenSSL 0, NSS 0" --password ""
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

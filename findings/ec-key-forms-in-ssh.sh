#!/usr/bin/env bash
# A device's P-256 key, made with openssl for its certificate, is to be its SSH key, too. There are three unencrypted forms:
# PKCS #8 (openssl genpkey), SEC 1, and SEC 1 behind a block with the curve's name, as openssl ecparam -genkey writes it.
# Guess: what OpenSSH reads its fellows read; of the two SEC 1 files both or none, since PEM readers skip other blocks.
# Seen: ssh-keygen, asyncssh and sshpk read all. paramiko, npm's ssh2, dropbear and puttygen read SEC 1 only, and not with
# the block in front, so not the files of the two commands as they are. "openssl ec -in … -out …" makes the form for all.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssl=3.0.22-1~deb12u2 libssl3=3.0.22-1~deb12u2 \
    openssh-client=1:9.2p1-2+deb12u10 python3-paramiko=2.12.0-2 python3-bcrypt python3-nacl \
    python3-asyncssh=2.10.1-2+deb12u2 python3-typing-extensions dropbear-bin=2022.83-1+deb12u3 libtomcrypt1 libtommath1 \
    putty-tools=0.78-2+deb12u2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock --omit=optional ssh2@1.17.0 sshpk@1.18.0
export PATH="$t/root/usr/bin:$PATH" PYTHONPATH="$t/root/usr/lib/python3/dist-packages"
lib=$t/root/usr/lib/$(gcc -print-multiarch)
(
    export LD_LIBRARY_PATH="$lib"
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out genpkey
    openssl ecparam -name prime256v1 -genkey -out ecparam
    openssl ec -in genpkey -out from-genpkey 2>/dev/null
    openssl ec -in ecparam -out from-ecparam 2>/dev/null
)
chmod 600 genpkey ecparam from-*
for form in genpkey ecparam from-ecparam; do echo "$form: $(grep BEGIN $form | tr '\n' ' ')"; done
with_ssh_keygen() { ssh-keygen -y -f "$1"; }
with_paramiko() {
    /usr/bin/python3 -W ignore -c '
import paramiko, sys
paramiko.ECDSAKey.from_private_key_file(sys.argv[1])' "$1"
}
with_asyncssh() {
    /usr/bin/python3 -W ignore -c '
import asyncssh, sys
asyncssh.read_private_key(sys.argv[1])' "$1"
}
with_ssh2() { node -e 'if (require("ssh2").utils.parseKey(require("fs").readFileSync(process.argv[1])) instanceof Error) process.exit(1)' "$1"; }
with_sshpk() { node -e 'require("sshpk").parsePrivateKey(require("fs").readFileSync(process.argv[1]))' "$1"; }
with_dropbear() { LD_LIBRARY_PATH="$lib" dropbearconvert openssh dropbear "$1" converted; }
with_puttygen() { puttygen "$1" -L; }
changed=no
try() { # READER, EXPECTED
    local seen=() form
    for form in genpkey ecparam from-genpkey from-ecparam; do
        "with_$1" $form >/dev/null 2>&1 && seen+=("$form yes") || seen+=("$form no")
    done
    echo "$1: ${seen[*]}"
    [ "${seen[*]}" = "$2" ] || changed=yes
}
for reader in ssh_keygen asyncssh sshpk; do
    try $reader "genpkey yes ecparam yes from-genpkey yes from-ecparam yes"
done
for reader in paramiko ssh2 dropbear puttygen; do
    try $reader "genpkey no ecparam no from-genpkey yes from-ecparam yes"
done
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

#!/usr/bin/env bash
# A WireGuard file as people write it: AllowedIPs, Address and DNS on more than one line, a section in small letters
# ("[peer]"; "wg" reads names so), an endpoint of IPv6, FwMark, "PersistentKeepalive = off".
# Guess: npm's wireguard-tools reads what "wg" and "wg-quick" read.
# Seen: of the same peer "wg setconf" 1.0.20210914 takes three networks and the endpoint, and wireguard-tools 0.1.0 the
# first network alone: it reads the first of several lines, no endpoint in brackets, no FwMark, and the peer in small
# letters not at all; nor does it say so. Only PostUp and its like may be on several lines.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock wireguard-tools@0.1.0
apt-get -q -o APT::Sandbox::User=root download wireguard-tools=1.0.20210914-1+b1 >/dev/null
dpkg-deb -x ./*.deb root
key() { head -c 32 /dev/urandom | base64; }
printf '%s\n' '[Interface]' "PrivateKey = $(key)" 'Address = 10.0.0.1/24' 'Address = fd00::1/64' 'DNS = 192.0.2.1' \
    'DNS = 192.0.2.2' 'FwMark = 0x20' 'PostUp = true one' 'PostUp = true two' '[Peer]' "PublicKey = $(key)" \
    'AllowedIPs = 10.0.0.2/32' 'AllowedIPs = 10.1.0.0/16, fd00::2/128' 'Endpoint = [2001:db8::1]:51820' \
    'PersistentKeepalive = off' '[peer]' "publickey = $(key)" 'allowedips = 10.0.0.3/32' >full.conf
grep -vE '^(Address|DNS|PostUp)' full.conf >wg.conf
# "wg" speaks to an interface outside of the kernel by a socket; this one notes what it is told.
cat >try.py <<'PY'
import os, socket, subprocess, sys
name = f"try{os.getpid()}"
os.makedirs("/var/run/wireguard", exist_ok=True)
path = f"/var/run/wireguard/{name}.sock"
with socket.socket(socket.AF_UNIX) as server:
    server.bind(path)
    try:
        server.listen()
        server.settimeout(10)
        wg = subprocess.Popen(["root/usr/bin/wg", "setconf", name, "wg.conf"])
        told = b""
        while not told:  # it connects once without a word to see whether anybody is there
            connection, _ = server.accept()
            connection.settimeout(10)
            while not told.endswith(b"\n\n") and (more := connection.recv(10000)):
                told += more
            if told:
                connection.sendall(b"errno=0\n\n")
            connection.close()
        good = wg.wait(10) == 0
    finally:
        os.unlink(path)
told = [line for line in told.decode().split("\n") if line.startswith(("fwmark", "public", "endpoint", "allowed"))]
told = [line.split("=")[0] if line.startswith("public") else line for line in told]
print("wg:", *told)
sys.exit(not good or told != ["fwmark=32", "public_key", "endpoint=[2001:db8::1]:51820", "allowed_ip=10.0.0.2/32",
                              "allowed_ip=10.1.0.0/16", "allowed_ip=fd00::2/128", "public_key", "allowed_ip=10.0.0.3/32"])
PY
timeout 30 python3 try.py
cat >try.cjs <<'JS'
require('wireguard-tools').getConfigObjectFromFile({ filePath: 'full.conf' }).then(({ wgInterface: i, peers }) => {
    console.log('wireguard-tools: address', i.address, 'dns', i.dns, 'postUp', i.postUp, 'other', Object.keys(i).join())
    console.log('wireguard-tools: peers', peers.map(({ publicKey, ...rest }) => rest))
    const { allowedIps, endpoint } = peers[0]
    process.exit(peers.length === 1 && allowedIps.join() === '10.0.0.2/32' && endpoint === undefined && i.postUp.length === 2 &&
        i.address.join() === '10.0.0.1/24' && i.dns.join() === '192.0.2.1' && !('fwMark' in i) ? 0 : 1)
})
JS
timeout 30 node try.cjs

#!/usr/bin/env bash
# "ssh -W host:port" joins standard input and output to a port behind the SSH server, as a ProxyCommand does. Dropbear,
# on small devices, and PuTTY have the same: "dbclient -B", "plink -nc". The port refuses.
# Guess: all three say so, and their exit status is not 0.
# Seen: OpenSSH 9.2 ends with 255 and PuTTY 0.78 with 1. dbclient 2022.83 says only that the connection to the SSH
# server was closed, and ends with 0, as after a connection that went well.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssh-client=1:9.2p1-2+deb12u10 openssh-server=1:9.2p1-2+deb12u10 \
    dropbear-bin=2022.83-1+deb12u3 libtomcrypt1 libtommath1 libgmp10 putty-tools=0.78-2+deb12u2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export LD_LIBRARY_PATH PATH="$t/root/usr/sbin:$t/root/usr/bin:$PATH" HOME=$t
mkdir -p /run/sshd .ssh
ssh-keygen -q -t ed25519 -N '' -f host
ssh-keygen -q -t ed25519 -N '' -f me
cp me.pub allowed
dropbearconvert openssh dropbear me me.dropbear >/dev/null 2>&1
puttygen me -O private -o me.ppk --new-passphrase /dev/null
read -r sshd_port closed_port < <(python3 - <<'PY'
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[s.getsockname()[1] for s in held])
PY
)
"$t/root/usr/sbin/sshd" -D -e -f /dev/null -p "$sshd_port" -h "$t/host" -o ListenAddress=127.0.0.1 \
    -o "AuthorizedKeysFile=$t/allowed" -o StrictModes=no -o PidFile=none 2>sshd.log &
for _ in $(seq 100); do grep -q listening sshd.log && break; sleep 0.1; done
me=$(id -un)
run() { # NAME COMMAND...
    local status=0
    timeout 30 "${@:2}" </dev/null >"$1.out" 2>&1 || status=$?
    echo "$1 ends with $status: $(grep -v 'Caution, skipping' "$1.out" | tr -d '\r' | grep . | tail -n 1 |
        sed "s/$sshd_port/PORT/; s/$me@/USER@/")"
    eval "status_$1=$status"
}
run ssh ssh -F /dev/null -p "$sshd_port" -i me -o IdentitiesOnly=yes -o StrictHostKeyChecking=no \
    -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -W "127.0.0.1:$closed_port" "$me@127.0.0.1"
run dbclient dbclient -y -y -p "$sshd_port" -i me.dropbear -B "127.0.0.1:$closed_port" "$me@127.0.0.1"
run plink plink -batch -hostkey "$(ssh-keygen -lf host.pub | cut -d' ' -f2)" -P "$sshd_port" -i me.ppk \
    -nc "127.0.0.1:$closed_port" "$me@127.0.0.1"
# shellcheck disable=SC2154 # set by run
[ "$status_ssh" = 255 ] && [ "$status_dbclient" = 0 ] && [ "$status_plink" = 1 ]

#!/usr/bin/env bash
# Short names for devices in ~/.ssh/config: "Hostname ssh1.%h.tunnel" makes pump-07 the name ssh1.pump-07.tunnel, and a
# ProxyCommand takes that name as its own %h. In the file the order of such lines does not matter.
# Guess: paramiko's SSHConfig, which knows both, gives the same command as ssh whatever the order.
# Seen: it does if Hostname comes first. If ProxyCommand comes first, as with one "Host *" block on top, the command asks
# for "ssh1.%h.tunnel", %h and all, while the host name beside it is right. asyncssh is right in both.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssh-client=1:9.2p1-2+deb12u10 python3-paramiko=2.12.0-2 \
    python3-bcrypt python3-nacl python3-asyncssh=2.10.1-2+deb12u2 python3-typing-extensions >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
export PYTHONPATH="$t/root/usr/lib/python3/dist-packages"
printf '#!/bin/sh\necho "$1 $2" >seen\n' >note
chmod +x note
cat >hostname-first <<'CONFIG'
Host pump-*
    Hostname ssh1.%h.tunnel
    ProxyCommand ./note %h %p
CONFIG
cat >proxycommand-first <<'CONFIG'
Host *
    ProxyCommand ./note %h %p
Host pump-*
    Hostname ssh1.%h.tunnel
CONFIG
with_ssh() {
    root/usr/bin/ssh -T -F "$1" pump-07 </dev/null >/dev/null 2>&1 || true
    cat seen
}
with_paramiko() {
    /usr/bin/python3 -W ignore -c '
import paramiko, sys
print(paramiko.SSHConfig.from_path(sys.argv[1]).lookup("pump-07")["proxycommand"])' "$1" | sed 's/^.*note //'
}
with_asyncssh() {
    /usr/bin/python3 -W ignore -c '
import asyncssh, sys
print(*asyncssh.SSHClientConnectionOptions(config=sys.argv[1], host="pump-07").proxy_command[1:3])' "$1"
}
changed=no
try() { # CLIENT, EXPECTED with the second file
    local seen
    seen="$(with_"$1" hostname-first), $(with_"$1" proxycommand-first)"
    echo "$1: Hostname first, ProxyCommand first: $seen"
    [ "$seen" = "ssh1.pump-07.tunnel 22, $2 22" ] || changed=yes
}
try ssh ssh1.pump-07.tunnel
try paramiko ssh1.%h.tunnel
try asyncssh ssh1.pump-07.tunnel
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

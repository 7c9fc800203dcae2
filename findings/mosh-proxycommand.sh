#!/usr/bin/env bash
# mosh, with a ProxyCommand for the host in ssh's configuration.
# Guess: mosh starts ssh, so the host's ProxyCommand is used.
# Seen: it is not. mosh gives ssh a ProxyCommand of its own, which resolves the name and dials it directly, to learn
# the address for its UDP packets. Only --experimental-remote-ip=remote leaves ssh's configuration alone; it takes the
# address from the far side.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download mosh=1.4.0-1+b1 >/dev/null
dpkg-deb -x ./*.deb root
export PATH="$t/root/usr/bin:$PATH"
cat >helper <<H
#!/bin/sh
echo "\$1 \$2" >>"$t/called"
H
chmod +x helper
printf 'Host device.example\n  ProxyCommand %s/helper %%h %%p\n' "$t" >ssh.conf
changed=no
try() { # EXPECTED OPTION...
    local expected=$1 seen
    shift
    rm -f called
    LC_ALL=C.UTF-8 timeout 30 mosh "$@" --ssh="ssh -F $t/ssh.conf" device.example \
        </dev/null >log 2>&1 || true
    seen=$([ -e called ] && cat called || echo "not called")
    echo "mosh $*: the ProxyCommand: $seen"
    [ "$seen" = "$expected" ] || changed=yes
}
mosh --version | head -1
try "not called"
try "not called" --experimental-remote-ip=proxy
try "not called" --experimental-remote-ip=local
try "device.example 22" --experimental-remote-ip=remote
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

#!/usr/bin/env bash
# One ~/.ssh/config for ssh and for the programs on libssh (Remmina, sftp in KDE), which reads the file when it connects.
# "Host *.tunnel !hub.tunnel" is every name below .tunnel but one, and "Match originalhost" tells by the name as typed.
# Guess: libssh means by the file what ssh does, as paramiko and asyncssh do.
# Seen: "!hub.tunnel" counts only in front of the pattern that it limits; behind it, as ssh_config(5) shows it, it is
# ignored, and the host gets the settings that were to be kept from it. "Match originalhost" matches nobody. Neither is reported.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download libssh-dev=0.10.6-0+deb12u3 libssh-4=0.10.6-0+deb12u3 \
    openssh-client=1:9.2p1-2+deb12u10 python3-paramiko=2.12.0-2 python3-bcrypt python3-nacl \
    python3-asyncssh=2.10.1-2+deb12u2 python3-typing-extensions >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
lib=$t/root/usr/lib/$(gcc -print-multiarch)
export PYTHONPATH="$t/root/usr/lib/python3/dist-packages"
cat >config <<'CONFIG'
Host *.tunnel !hub.tunnel
    Port 2201
Host !hub.lan *.lan
    Port 2202
Match originalhost pump.test
    Port 2203
CONFIG
cat >with-libssh.c <<'C'
#include <libssh/libssh.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    ssh_session session = ssh_new();
    unsigned port = 0;
    ssh_options_set(session, SSH_OPTIONS_HOST, argv[argc - 1]);
    if (ssh_options_parse_config(session, "config") != 0 || ssh_options_get_port(session, &port) != 0)
        return 1;
    printf("%u\n", port);
    return 0;
}
C
gcc -I root/usr/include -o with-libssh with-libssh.c -L "$lib" -lssh
with_ssh() { root/usr/bin/ssh -T -G -F config "$1" | sed -n 's/^port //p'; }
with_libssh() { LD_LIBRARY_PATH="$lib" ./with-libssh "$1"; }
with_paramiko() {
    /usr/bin/python3 -W ignore -c '
import paramiko, sys
print(paramiko.SSHConfig.from_path("config").lookup(sys.argv[1]).get("port", 22))' "$1"
}
with_asyncssh() {
    /usr/bin/python3 -W ignore -c '
import asyncssh, sys
print(asyncssh.SSHClientConnectionOptions(config="config", host=sys.argv[1]).port)' "$1"
}
changed=no
try() { # CLIENT, EXPECTED
    local seen=() host
    for host in pump.tunnel hub.tunnel pump.lan hub.lan pump.test; do
        seen+=("$host $(with_"$1" "$host")")
    done
    echo "$1: ${seen[*]}"
    [ "${seen[*]}" = "$2" ] || changed=yes
}
for client in ssh paramiko asyncssh; do
    try $client "pump.tunnel 2201 hub.tunnel 22 pump.lan 2202 hub.lan 22 pump.test 2203"
done
try libssh "pump.tunnel 2201 hub.tunnel 2201 pump.lan 2202 hub.lan 22 pump.test 22"
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

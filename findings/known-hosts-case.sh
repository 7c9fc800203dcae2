#!/usr/bin/env bash
# A device is called SSH1.pump-07.tunnel, and its key is in ~/.ssh/known_hosts since somebody said "ssh SSH1.pump-07.tunnel". ssh
# writes the name in lower case, on Debian hashed; names of hosts have no case.
# Guess: all that read the file find the entry by the name as it is written in the fleet's list.
# Seen: libssh does. For paramiko and asyncssh the host is unknown, until one asks for the name in lower case. So it is for
# ssh-keygen, but only if names are hashed: -F finds nothing, and -R SSH1.pump-07.tunnel removes nothing.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssh-client=1:9.2p1-2+deb12u10 libssh-dev=0.10.6-0+deb12u3 \
    libssh-4=0.10.6-0+deb12u3 python3-paramiko=2.12.0-2 python3-bcrypt python3-nacl python3-asyncssh=2.10.1-2+deb12u2 \
    python3-typing-extensions >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
lib=$t/root/usr/lib/$(gcc -print-multiarch)
export PATH="$t/root/usr/bin:$PATH" PYTHONPATH="$t/root/usr/lib/python3/dist-packages"
cat >with-libssh.c <<'C'
#include <libssh/libssh.h>
int main(int argc, char **argv)
{
    ssh_session session = ssh_new();
    ssh_options_set(session, SSH_OPTIONS_HOST, argv[argc - 1]);
    ssh_options_set(session, SSH_OPTIONS_KNOWNHOSTS, argv[1]);
    ssh_options_set(session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
    return ssh_session_has_known_hosts_entry(session) != SSH_KNOWN_HOSTS_OK;
}
C
gcc -I root/usr/include -o with-libssh with-libssh.c -L "$lib" -lssh
ssh-keygen -q -t ed25519 -N '' -f key
echo "ssh1.pump-07.tunnel $(cut -d' ' -f1,2 key.pub)" >plain # what ssh writes
cp plain hashed
ssh-keygen -q -H -f hashed >/dev/null 2>&1
with_libssh() { LD_LIBRARY_PATH="$lib" ./with-libssh "$1" "$2"; }
with_ssh_keygen() { ssh-keygen -F "$2" -f "$1" >/dev/null; }
with_paramiko() {
    /usr/bin/python3 -W ignore -c '
import paramiko, sys
sys.exit(paramiko.HostKeys(sys.argv[1]).lookup(sys.argv[2]) is None)' "$1" "$2"
}
with_asyncssh() {
    /usr/bin/python3 -W ignore -c '
import asyncssh, sys
sys.exit(not asyncssh.match_known_hosts(sys.argv[1], sys.argv[2], "", 22)[0])' "$1" "$2"
}
changed=no
try() { # READER, EXPECTED of the name in capitals with the plain file, and with the hashed one
    local seen=() file host
    for file in plain hashed; do
        for host in ssh1.pump-07.tunnel SSH1.pump-07.tunnel; do
            "with_$1" $file $host && seen+=(yes) || seen+=(no)
        done
    done
    echo "$1: ssh1 and SSH1 in the plain file ${seen[*]:0:2}, in the hashed file ${seen[*]:2}"
    [ "${seen[*]}" = "yes $2 yes $3" ] || changed=yes
}
try libssh yes yes
try ssh_keygen yes no
try paramiko no no
try asyncssh no no
ssh-keygen -R SSH1.pump-07.tunnel -f hashed 2>&1 | tail -1
grep -q . hashed || changed=yes
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

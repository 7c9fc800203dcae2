#!/usr/bin/env bash
# Two devices behind one hub have their SSH servers at two ports of one address, as with any port forward. ssh and dropbear's
# dbclient share the form of known_hosts; where the port is not 22 ssh's entries begin with "[127.0.0.1]:2201".
# Guess: dbclient knows the entries that ssh wrote, and tells two ports of one host apart.
# Seen: dbclient 2022.83 writes and looks for the bare host name, whatever the port, so the second device has a "host key
# mismatch" at once. Of what ssh writes it reads only lines of one plain name without a port: no "[127.0.0.1]:2201", no hashed
# names (Debian's default), and no "name,address"; it asks anew. ssh takes dbclient's entry for every port of that host.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssh-client=1:9.2p1-2+deb12u10 openssh-server=1:9.2p1-2+deb12u10 \
    dropbear-bin=2022.83-1+deb12u3 libtomcrypt1 libtommath1 libgmp10 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export LD_LIBRARY_PATH PATH="$t/root/usr/sbin:$t/root/usr/bin:$PATH" HOME=$t
mkdir -p /run/sshd .ssh
for key in pump-07 pump-08 me; do ssh-keygen -q -t ed25519 -N '' -f $key; done
cp me.pub allowed
dropbearconvert openssh dropbear me me.dropbear >/dev/null 2>&1
read -r port_7 port_8 < <(python3 - <<'PY'
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[s.getsockname()[1] for s in held])
PY
)
device() { # NAME PORT
    "$t/root/usr/sbin/sshd" -D -e -f /dev/null -p "$2" -h "$t/$1" -o ListenAddress=127.0.0.1 \
        -o "AuthorizedKeysFile=$t/allowed" -o StrictModes=no -o PidFile=none 2>"$1.log" &
    for _ in $(seq 100); do grep -q listening "$1.log" && break; sleep 0.1; done
}
device pump-07 "$port_7"
device pump-08 "$port_8"
changed=no
try() { # WHAT EXPECTED COMMAND...
    local seen=yes
    timeout 20 setsid "${@:3}" "$(id -un)@127.0.0.1" true </dev/null >out 2>&1 || seen=no
    if grep -q mismatch out; then seen=mismatch; fi
    echo "$1: $seen"
    [ "$seen" = "$2" ] || changed=yes
}
with_dbclient=(dbclient -i me.dropbear)
with_ssh=(ssh -F /dev/null -i me -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$t/.ssh/known_hosts")
cat >answer.py <<'PY'
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
said = b""
try:
    while more := os.read(terminal, 1000):
        if b"(y/n)" in said + more and b"(y/n)" not in said:
            os.write(terminal, b"y\n")
        said += more
except OSError:  # the program has ended
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
try 'dbclient, nothing known, says y when asked' yes python3 answer.py "${with_dbclient[@]}" -p "$port_7"
try 'dbclient, again' yes "${with_dbclient[@]}" -p "$port_7"
try 'ssh, by what dbclient wrote' yes "${with_ssh[@]}" -p "$port_7"
try 'dbclient, the other port' mismatch "${with_dbclient[@]}" -p "$port_8"
read -r key <<<"$(cut -d' ' -f1,2 pump-07.pub)"
for names in "[127.0.0.1]:$port_7" 127.0.0.1,pump-07; do
    echo "$names $key" >.ssh/known_hosts
    what=${names/$port_7/PORT}
    try "ssh, $what" yes "${with_ssh[@]}" -p "$port_7"
    try "dbclient, $what" no "${with_dbclient[@]}" -p "$port_7"
done
echo "127.0.0.1 $key" >.ssh/known_hosts
try 'dbclient, 127.0.0.1' yes "${with_dbclient[@]}" -p "$port_7"
ssh-keygen -q -H -f .ssh/known_hosts 2>/dev/null
try 'dbclient, 127.0.0.1 hashed' no "${with_dbclient[@]}" -p "$port_7"
[ $changed = no ]

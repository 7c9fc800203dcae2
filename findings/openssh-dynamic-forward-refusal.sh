#!/usr/bin/env bash
# The dynamic forward of OpenSSH (ssh -D) as a SOCKS5 proxy.
# Guess: a destination that refuses is answered with reply code 5 or 1 (RFC 1928, section 6).
# Seen: no reply at all. Behind the method selection the connection just ends, whatever the reason,
# so a client cannot tell a closed port from a name that does not resolve or a broken proxy.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"

debs() { # NAME=VERSION...: into ./root
    apt-get -q -o APT::Sandbox::User=root download "$@" >/dev/null
    for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
}
export PATH="$t/root/usr/sbin:$t/root/usr/bin:$PATH" LD_LIBRARY_PATH="$t/root/usr/lib/x86_64-linux-gnu"

debs openssh-client=1:9.2p1-2+deb12u10 openssh-server=1:9.2p1-2+deb12u10
mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f host
ssh-keygen -q -t ed25519 -N '' -f me
cp me.pub allowed
read -r sshd_port socks_port closed_port < <(python3 - <<'PY'
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*[s.getsockname()[1] for s in held])
PY
)
"$t/root/usr/sbin/sshd" -D -e -f /dev/null -p "$sshd_port" -h "$t/host" -o ListenAddress=127.0.0.1 \
    -o "AuthorizedKeysFile=$t/allowed" -o StrictModes=no -o PidFile=none 2>sshd.log &
for _ in $(seq 50); do grep -q listening sshd.log && break; sleep 0.1; done
ssh -F /dev/null -N -D "127.0.0.1:$socks_port" -p "$sshd_port" -i me -o IdentitiesOnly=yes \
    -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "$(id -un)@127.0.0.1" 2>ssh.log &
ssh -V
python3 - "$socks_port" "$sshd_port" "$closed_port" <<'PY'
import socket, sys, time
proxy, open_port, closed_port = map(int, sys.argv[1:])
def dial():
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", proxy), 10)
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit("ssh does not listen")
def ask(host, port):
    with dial() as c:
        c.sendall(b"\5\1\0")
        method = c.recv(2)
        c.sendall(b"\5\1\0\3" + bytes([len(host)]) + host + port.to_bytes(2, "big"))
        return method.hex(), c.recv(10).hex()
seen = [ask(b"127.0.0.1", open_port), ask(b"127.0.0.1", closed_port), ask(b"no-such-name.invalid", 80)]
for what, (method, reply) in zip(("open port", "closed port", "unknown name"), seen):
    print(f"{what}: method {method}, reply {reply or 'none, the connection ends'}")
ok = seen == [("0500", "05000001000000000000"), ("0500", ""), ("0500", "")]
sys.exit(0 if ok else "this has changed")
PY

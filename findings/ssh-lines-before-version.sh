#!/usr/bin/env bash
# An SSH server, or what stands in front of it, may say lines of its own before the version, ended by CR LF and best in UTF-8
# (RFC 4253, section 4.2). A client has to be able to pass over them.
# Guess: all clients do, up to some bound on the whole.
# Seen: OpenSSH, PuTTY, asyncssh and npm's ssh2 do. libssh2 gives up at an empty line, "Failed getting banner", libssh at a line
# of 300 letters, "too large banner", dbclient at 60 lines (20 are well), and paramiko at a word in Latin-1. A banner for
# all is a few short lines of ASCII, none of them empty.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssh-client=1:9.2p1-2+deb12u10 openssh-server=1:9.2p1-2+deb12u10 \
    dropbear-bin=2022.83-1+deb12u3 libtomcrypt1 libtommath1 libgmp10 putty-tools=0.78-2+deb12u2 libssh-4=0.10.6-0+deb12u3 \
    libssh-dev=0.10.6-0+deb12u3 libssh2-1=1.10.0-3+deb12u1 libssh2-1-dev=1.10.0-3+deb12u1 libmbedcrypto7 \
    python3-paramiko=2.12.0-2 python3-asyncssh=2.10.1-2+deb12u2 python3-cryptography=38.0.4-3+deb12u1 python3-bcrypt \
    python3-nacl python3-cffi-backend python3-six python3-typing-extensions >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts --omit=optional ssh2@1.17.0
lib=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export LD_LIBRARY_PATH=$lib PYTHONPATH=$t/root/usr/lib/python3/dist-packages PATH="$t/root/usr/bin:$PATH" HOME=$t
mkdir -p /run/sshd .ssh
ssh-keygen -q -t ed25519 -N '' -f host
ssh-keygen -q -t ed25519 -N '' -f me
cp me.pub allowed
dropbearconvert openssh dropbear me me.dropbear >/dev/null 2>&1
puttygen me -O private -o me.ppk --new-passphrase /dev/null
cat >with-libssh.c <<'C'
#include <libssh/libssh.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    int port = atoi(argv[argc - 1]), no = 0;
    ssh_session s = ssh_new();
    ssh_options_set(s, SSH_OPTIONS_HOST, "127.0.0.1");
    ssh_options_set(s, SSH_OPTIONS_PORT, &port);
    ssh_options_set(s, SSH_OPTIONS_PROCESS_CONFIG, &no);
    return ssh_connect(s) != SSH_OK;
}
C
cat >with-libssh2.c <<'C'
#include <arpa/inet.h>
#include <libssh2.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[argc - 1])),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 || libssh2_init(0) != 0)
        return 1;
    return libssh2_session_handshake(libssh2_session_init(), fd) != 0;
}
C
gcc -I root/usr/include -o with-libssh with-libssh.c "$lib"/libssh.so.4 -Wl,--allow-shlib-undefined
gcc -I root/usr/include -o with-libssh2 with-libssh2.c "$lib"/libssh2.so.1 -Wl,--allow-shlib-undefined
cat >with_paramiko.py <<'PY'
import logging, paramiko, sys
logging.disable()
paramiko.Transport(("127.0.0.1", int(sys.argv[1]))).start_client(timeout=10)
PY
cat >with_asyncssh.py <<'PY'
import asyncio, asyncssh, sys
async def main():
    async with asyncssh.connect("127.0.0.1", int(sys.argv[1]), client_keys=["me"], known_hosts=None, config=[]):
        pass
asyncio.run(main())
PY
cat >client.cjs <<'JS'
const client = new (require('ssh2').Client)(), privateKey = require('fs').readFileSync('me')
client.on('ready', () => process.exit(0)).on('error', () => process.exit(1))
client.connect({ host: '127.0.0.1', port: Number(process.argv[2]), username: require('os').userInfo().username, privateKey })
JS
cat >run.py <<'PY'
import getpass, os, random, socket, subprocess, sys, threading, time
here = os.getcwd()
def free_port():
    while True:  # below the ports that the kernel hands out
        try:
            with socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as s:
                return s.getsockname()[1]
        except OSError:
            pass
sshd_port = free_port()
sshd = subprocess.Popen([here + "/root/usr/sbin/sshd", "-D", "-f", "/dev/null", "-p", str(sshd_port), "-h", here + "/host",
                         "-o", "ListenAddress=127.0.0.1", "-o", f"AuthorizedKeysFile={here}/allowed", "-o", "StrictModes=no",
                         "-o", "PidFile=none"], stderr=subprocess.DEVNULL)
def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
def relay(lines):  # a port at which sshd has something to say first
    server = socket.create_server(("127.0.0.1", 0))
    def accept():
        while True:
            c = server.accept()[0]
            c.sendall(lines)
            s = socket.create_connection(("127.0.0.1", sshd_port))
            for pair in ((c, s), (s, c)):
                threading.Thread(target=pump, args=pair, daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    return str(server.getsockname()[1])
user = getpass.getuser() + "@127.0.0.1"
print_of_key = subprocess.run(["ssh-keygen", "-lf", "host.pub"], stdout=subprocess.PIPE, text=True).stdout.split()[1]
clients = {"OpenSSH 9.2": ["ssh", "-F", "/dev/null", "-i", "me", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
                           "-o", "UserKnownHostsFile=/dev/null", user, "true", "-p"],
           "PuTTY 0.78": ["plink", "-batch", "-hostkey", print_of_key, "-i", "me.ppk", user, "true", "-P"],
           "dbclient 2022.83": ["dbclient", "-y", "-y", "-i", "me.dropbear", user, "true", "-p"],
           "libssh 0.10.6": ["./with-libssh"], "libssh2 1.10.0": ["./with-libssh2"],
           "paramiko 2.12.0": ["/usr/bin/python3", "with_paramiko.py"],
           "asyncssh 2.10.1": ["/usr/bin/python3", "with_asyncssh.py"], "ssh2 1.17.0": ["node", "client.cjs"]}
def words(name, port):  # options come before the user in those that have both
    command = clients[name]
    return [command[0], command[-1], port, *command[1:-1]] if user in command else [*command, port]
banners = {"none": b"", "two lines": b"Pump 7\r\nbe careful\r\n", "an empty line": b"Pump 7\r\n\r\nbe careful\r\n",
           "300 letters": b"x" * 300 + b"\r\n",
           "20 lines": b"be careful\r\n" * 20, "60 lines": b"be careful\r\n" * 60, "Latin-1": b"W\xfcrttemberg\r\n"}
refused = {"dbclient 2022.83": ["60 lines"], "libssh 0.10.6": ["300 letters"], "libssh2 1.10.0": ["an empty line"],
           "paramiko 2.12.0": ["Latin-1"]}
changed = False
try:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", sshd_port)).close()
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    ports = {banner: relay(lines) for banner, lines in banners.items()}
    for name in clients:
        seen = [banner for banner, port in ports.items() if subprocess.run(
            words(name, port), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=40).returncode != 0]
        print(f"{name}: does not pass over {', '.join(seen) or 'nothing'}", flush=True)
        changed |= seen != refused.get(name, [])
finally:
    sshd.kill()
    sshd.wait()
sys.exit("this has changed" if changed else 0)
PY
timeout 300 /usr/bin/python3 run.py

#!/usr/bin/env bash
# A command on a device is killed by a signal (the kernel's, out of memory; an operator's; a timeout's). An SSH server then sends
# no exit status but an "exit-signal" (RFC 4254, section 6.10).
# Guess: every client makes a failure of it, as a shell does with 128 and the signal's number.
# Seen: OpenSSH ends with 255, plink with 128. dbclient 2022.83, the client of small devices, ends with 0, as after success, so
# that "dbclient … && next" goes on. libssh2's libssh2_channel_get_exit_status() says 0, too; the signal is told by another
# call. libssh and paramiko say -1, asyncssh -9, and npm's ssh2 null for the status and the signal beside it.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssh-client=1:9.2p1-2+deb12u10 openssh-server=1:9.2p1-2+deb12u10 \
    dropbear-bin=2022.83-1+deb12u3 libtomcrypt1 libtommath1 libgmp10 putty-tools=0.78-2+deb12u2 libssh-dev=0.10.6-0+deb12u3 \
    libssh-4=0.10.6-0+deb12u3 libssh2-1-dev=1.10.0-3+deb12u1 libssh2-1=1.10.0-3+deb12u1 python3-paramiko=2.12.0-2 \
    python3-asyncssh=2.10.1-2+deb12u2 python3-typing-extensions python3-bcrypt python3-nacl python3-six \
    python3-cryptography=38.0.4-3+deb12u1 python3-cffi-backend >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock --omit=optional ssh2@1.17.0
lib=$(echo "$t"/root/usr/lib/*-linux-gnu)
cat >with-libssh.c <<'C'
#include <libssh/libssh.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    unsigned port = (unsigned)atoi(argv[1]);
    int no = 0;
    char text[100];
    ssh_key key;
    ssh_session s = ssh_new();
    ssh_options_set(s, SSH_OPTIONS_HOST, "127.0.0.1");
    ssh_options_set(s, SSH_OPTIONS_PORT, &port);
    ssh_options_set(s, SSH_OPTIONS_USER, argv[2]);
    ssh_options_set(s, SSH_OPTIONS_PROCESS_CONFIG, &no);
    if (ssh_connect(s) != SSH_OK || ssh_pki_import_privkey_file("me", NULL, NULL, NULL, &key) != SSH_OK ||
        ssh_userauth_publickey(s, NULL, key) != SSH_AUTH_SUCCESS)
        return 1;
    ssh_channel c = ssh_channel_new(s);
    ssh_channel_open_session(c);
    ssh_channel_request_exec(c, argv[argc - 1]);
    while (ssh_channel_read(c, text, sizeof text, 0) > 0)
        continue;
    ssh_channel_close(c);
    printf("%d\n", ssh_channel_get_exit_status(c));
}
C
cat >with-libssh2.c <<'C'
#include <arpa/inet.h>
#include <libssh2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char text[100];
    libssh2_init(0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    LIBSSH2_SESSION *s = libssh2_session_init();
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 || libssh2_session_handshake(s, fd) != 0 ||
        libssh2_userauth_publickey_fromfile(s, argv[2], "me.pub", "me", NULL) != 0)
        return 1;
    LIBSSH2_CHANNEL *c = libssh2_channel_open_session(s);
    libssh2_channel_exec(c, argv[argc - 1]);
    while (libssh2_channel_read(c, text, sizeof text) > 0)
        continue;
    libssh2_channel_close(c);
    libssh2_channel_wait_closed(c);
    char *name = NULL;
    libssh2_channel_get_exit_signal(c, &name, NULL, NULL, NULL, NULL, NULL);
    printf("%d%s%s\n", libssh2_channel_get_exit_status(c), name != NULL ? " and beside it " : "", name != NULL ? name : "");
}
C
cat >with-python.py <<'PY'
import asyncio, sys, warnings
warnings.simplefilter("ignore")
_, library, port, user, command = sys.argv
if library == "paramiko":
    import paramiko
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect("127.0.0.1", int(port), user, key_filename="me", look_for_keys=False, allow_agent=False)
    print(client.exec_command(command)[1].channel.recv_exit_status())
else:
    import asyncssh
    async def run():
        async with asyncssh.connect("127.0.0.1", int(port), username=user, client_keys=["me"], known_hosts=None, config=None) as c:
            print((await c.run(command)).returncode)
    asyncio.run(run())
PY
cat >with-ssh2.js <<'JS'
const [, , port, username, command] = process.argv, client = new (require('ssh2').Client)()
client.on('ready', () => client.exec(command, (e, stream) => {
    stream.on('exit', (status, signal) => console.log(status + (signal ? ` and beside it ${signal}` : ''))).on('close', () => client.end()).resume()
})).connect({ host: '127.0.0.1', port, username, privateKey: require('fs').readFileSync('me') })
JS
gcc -I root/usr/include -o with-libssh with-libssh.c -L "$lib" -lssh
gcc -I root/usr/include -o with-libssh2 with-libssh2.c -L "$lib" -lssh2
export PATH="$t/root/usr/bin:$PATH" HOME=$t
debian() { LD_LIBRARY_PATH=$lib "$@"; }
mkdir -p /run/sshd .ssh
debian ssh-keygen -q -t ed25519 -N '' -f host
debian ssh-keygen -q -t ed25519 -N '' -f me
cp me.pub allowed
debian dropbearconvert openssh dropbear me me.dropbear >/dev/null 2>&1
debian puttygen me -O private -o me.ppk --new-passphrase /dev/null
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
LD_LIBRARY_PATH=$lib "$t/root/usr/sbin/sshd" -D -e -f /dev/null -p "$port" -h "$t/host" -o ListenAddress=127.0.0.1 \
    -o "AuthorizedKeysFile=$t/allowed" -o StrictModes=no -o PidFile=none 2>sshd.log &
for _ in $(seq 100); do grep -q listening sshd.log && break; sleep 0.1; done
me=$(id -un)
key=$(debian ssh-keygen -lf host.pub | cut -d' ' -f2)
status() { local status=0; LD_LIBRARY_PATH=$lib timeout 30 "$@" </dev/null >/dev/null 2>&1 || status=$?; echo $status; }
told() { timeout 30 "$@" </dev/null 2>/dev/null || echo fails; }
changed=no
try() { # NAME WHAT-AFTER-KILL
    local killed exited
    killed=$("$1" 'kill -9 $$')
    exited=$("$1" 'exit 3')
    echo "$1: a command that is killed: $killed; one that ends with 3: $exited"
    [ "$killed" = "$2" ] && [ "$exited" = 3 ] || changed=yes
}
openssh() { status ssh -F /dev/null -p "$port" -i me -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "$me@127.0.0.1" "$1"; }
plink() { status "$t/root/usr/bin/plink" -batch -hostkey "$key" -P "$port" -i me.ppk "$me@127.0.0.1" "$1"; }
dbclient() { status "$t/root/usr/bin/dbclient" -y -y -p "$port" -i me.dropbear "$me@127.0.0.1" "$1"; }
libssh2() { LD_LIBRARY_PATH=$lib told ./with-libssh2 "$port" "$me" "$1"; }
libssh() { LD_LIBRARY_PATH=$lib told ./with-libssh "$port" "$me" "$1"; }
paramiko() { PYTHONPATH=$t/root/usr/lib/python3/dist-packages told /usr/bin/python3 with-python.py paramiko "$port" "$me" "$1"; }
asyncssh() { PYTHONPATH=$t/root/usr/lib/python3/dist-packages told /usr/bin/python3 with-python.py asyncssh "$port" "$me" "$1"; }
ssh2() { told node with-ssh2.js "$port" "$me" "$1"; }
try openssh 255
try plink 128
try dbclient 0
try libssh2 "0 and beside it KILL"
try libssh -1
try paramiko -1
try asyncssh -9
try ssh2 "null and beside it SIGKILL"
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

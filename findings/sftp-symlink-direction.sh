#!/usr/bin/env bash
# A symbolic link is made by SFTP, say "current" to a new firmware. Its draft (version 3) has the link's path first and then the
# target; OpenSSH's server takes them the other way round, as its protocol notes say, and stays so.
# Guess: clients and servers know, and look whom they talk to; a link is right, or it is an error.
# Seen: with OpenSSH's server all clients are right. With ProFTPD OpenSSH's sftp, lftp, paramiko and libssh2 are, and libssh,
# asyncssh and npm's ssh2 make a link with the target's name that points to the link's; the call succeeds. With asyncssh
# as the server it is libssh2 alone that does so. Who makes links by SFTP reads them back.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssh-client=1:9.2p1-2+deb12u10 openssh-server=1:9.2p1-2+deb12u10 \
    openssh-sftp-server=1:9.2p1-2+deb12u10 proftpd-core=1.3.8+dfsg-4+deb12u5 proftpd-mod-crypto=1.3.8+dfsg-4+deb12u5 libmemcached11 \
    libmemcachedutil2 libhashkit2 libpcre2-posix3 libsodium23 libsasl2-2 libssh2-1-dev=1.10.0-3+deb12u1 \
    libssh2-1=1.10.0-3+deb12u1 lftp=4.9.2-2+b1 libssh-dev=0.10.6-0+deb12u3 libssh-4=0.10.6-0+deb12u3 \
    python3-paramiko=2.12.0-2 python3-asyncssh=2.10.1-2+deb12u2 python3-typing-extensions python3-bcrypt python3-nacl \
    python3-six python3-cryptography=38.0.4-3+deb12u1 python3-cffi-backend >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock --omit=optional ssh2@1.17.0
lib=$(echo "$t"/root/usr/lib/*-linux-gnu)
python=("env" "PYTHONPATH=$t/root/usr/lib/python3/dist-packages" /usr/bin/python3)
debian=("env" "LD_LIBRARY_PATH=$lib" "PATH=$t/root/usr/bin:$PATH")
cat >with-libssh.c <<'C'
#include <libssh/libssh.h>
#include <libssh/sftp.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    unsigned port = (unsigned)atoi(argv[1]);
    int no = 0;
    ssh_key key;
    ssh_session s = ssh_new();
    ssh_options_set(s, SSH_OPTIONS_HOST, "127.0.0.1");
    ssh_options_set(s, SSH_OPTIONS_PORT, &port);
    ssh_options_set(s, SSH_OPTIONS_USER, argv[2]);
    ssh_options_set(s, SSH_OPTIONS_PROCESS_CONFIG, &no);
    if (ssh_connect(s) != SSH_OK || ssh_pki_import_privkey_file("me", NULL, NULL, NULL, &key) != SSH_OK ||
        ssh_userauth_publickey(s, NULL, key) != SSH_AUTH_SUCCESS)
        return 1;
    sftp_session f = sftp_new(s);
    return sftp_init(f) != 0 || sftp_symlink(f, argv[3], argv[argc - 1]) != 0;
}
C
cat >with-libssh2.c <<'C'
#include <arpa/inet.h>
#include <libssh2.h>
#include <libssh2_sftp.h>
#include <stdlib.h>
#include <sys/socket.h>
int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    libssh2_init(0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    LIBSSH2_SESSION *s = libssh2_session_init();
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 || libssh2_session_handshake(s, fd) != 0 ||
        libssh2_userauth_publickey_fromfile(s, argv[2], "me.pub", "me", NULL) != 0)
        return 1;
    return libssh2_sftp_symlink(libssh2_sftp_init(s), argv[3], argv[argc - 1]) != 0;
}
C
gcc -I root/usr/include -o with-libssh with-libssh.c -L "$lib" -lssh
gcc -I root/usr/include -o with-libssh2 with-libssh2.c -L "$lib" -lssh2
cat >link.py <<'PY'
import asyncio, sys, warnings
warnings.simplefilter("ignore")
_, library, port, user, target, link = sys.argv
if library == "paramiko":
    import paramiko
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect("127.0.0.1", int(port), user, key_filename="me", look_for_keys=False, allow_agent=False)
    client.open_sftp().symlink(target, link)
else:
    import asyncssh
    async def run():
        async with asyncssh.connect("127.0.0.1", int(port), username=user, client_keys=["me"], known_hosts=None, config=None) as c:
            async with c.start_sftp_client() as f:
                await f.symlink(target, link)
    asyncio.run(run())
PY
cat >link.js <<'JS'
const [, , port, username, target, link] = process.argv, client = new (require('ssh2').Client)()
client.on('ready', () => client.sftp((e, f) => f.symlink(target, link, e => process.exit(e ? 1 : 0))))
    .connect({ host: '127.0.0.1', port, username, privateKey: require('fs').readFileSync('me') })
JS
cat >server.py <<'PY'
import asyncio, sys, warnings
warnings.simplefilter("ignore")
import asyncssh
class Server(asyncssh.SSHServer):
    def begin_auth(self, user):
        return False
async def run():
    await asyncssh.create_server(Server, "127.0.0.1", int(sys.argv[1]), server_host_keys=["host"], sftp_factory=True, config=None)
    await asyncio.sleep(600)
asyncio.run(run())
PY
mkdir -p /run/sshd .ssh made
export HOME=$t
me=$(id -un)
"${debian[@]}" ssh-keygen -q -t ed25519 -N '' -f host
"${debian[@]}" ssh-keygen -q -t rsa -b 3072 -m PEM -N '' -f host.rsa
"${debian[@]}" ssh-keygen -q -t ed25519 -N '' -f me
cp me.pub allowed
"${debian[@]}" ssh-keygen -e -f me.pub >allowed.rfc4716
echo "$me:x:$(id -u):$(id -g):$me:/:/bin/sh" >users
chmod 600 users
read -r openssh proftpd asyncssh < <(python3 - <<'PY'
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*[s.getsockname()[1] for s in held])
PY
)
cat >proftpd.conf <<CONF
ServerName files
ServerType standalone
DefaultAddress 127.0.0.1
Port $proftpd
UseIPv6 off
User $me
Group $(id -gn)
ModulePath $t/root/usr/lib/proftpd
LoadModule mod_sftp.c
PidFile $t/proftpd.pid
ScoreboardFile $t/scoreboard
DelayEngine off
WtmpLog off
AuthOrder mod_auth_file.c
AuthUserFile $t/users
RequireValidShell off
RootLogin on
SystemLog $t/proftpd.log
SFTPEngine on
SFTPHostKey $t/host.rsa
SFTPAuthorizedUserKeys file:$t/allowed.rfc4716
CONF
LD_LIBRARY_PATH=$lib "$t/root/usr/sbin/sshd" -D -e -f /dev/null -p "$openssh" -h "$t/host" -o ListenAddress=127.0.0.1 \
    -o "AuthorizedKeysFile=$t/allowed" -o StrictModes=no -o PidFile=none \
    -o "Subsystem=sftp $t/root/usr/lib/openssh/sftp-server" 2>sshd.log &
LD_LIBRARY_PATH=$lib "$t/root/usr/sbin/proftpd" -n -c "$t/proftpd.conf" 2>proftpd.err &
"${python[@]}" server.py "$asyncssh" 2>/dev/null &
for port in "$openssh" "$proftpd" "$asyncssh"; do
    for _ in $(seq 200); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
done
trusting=(-F /dev/null -i me -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR)
run() { # CLIENT PORT TARGET LINK
    case $1 in
    sftp) echo "symlink $3 $4" | "${debian[@]}" sftp "${trusting[@]}" -S "$t/root/usr/bin/ssh" -P "$2" "$me@127.0.0.1" ;;
    lftp) "${debian[@]}" lftp -e "set sftp:connect-program 'ssh -a -x ${trusting[*]}'; ln -s $3 $4; quit" -p "$2" "sftp://$me:x@127.0.0.1" ;;
    libssh | libssh2) "${debian[@]}" "./with-$1" "$2" "$me" "$3" "$4" ;;
    paramiko | asyncssh) "${python[@]}" link.py "$1" "$2" "$me" "$3" "$4" ;;
    ssh2) node link.js "$2" "$me" "$3" "$4" ;;
    esac
}
try() { # CLIENT PORT
    local target=$t/made/target link=$t/made/link status=0
    timeout 60 bash -c "$(declare -p t me debian python trusting); $(declare -f run); run $1 $2 $target $link" >"$1.out" 2>&1 </dev/null || status=$?
    if [ $status != 0 ]; then echo "fails ($status)"
    elif [ "$(readlink "$link")" = "$target" ]; then echo right
    elif [ "$(readlink "$target")" = "$link" ]; then echo reversed
    else echo none; fi
    rm -f "$target" "$link"
}
changed=no
while read -r client wanted; do
    seen="$(try "$client" "$openssh") $(try "$client" "$proftpd") $(try "$client" "$asyncssh")"
    echo "$client, to OpenSSH, ProFTPD and asyncssh: $seen"
    [ "$seen" = "$wanted" ] || changed=yes
done <<'WANTED'
sftp right right right
lftp right right right
paramiko right right right
libssh2 right right reversed
libssh right reversed right
asyncssh right reversed right
ssh2 right reversed right
WANTED
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

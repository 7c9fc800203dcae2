#!/usr/bin/env bash
# A program listens at a Unix socket whose path is longer than the 107 bytes that Linux has room for, as happens below a home, a
# build or a state folder with long names.
# Guess: libuv's uv_pipe_bind and what stands on it say "name too long", as Python and socat do.
# Seen: uv_pipe_bind of libuv 1.44.2 and net.listen of Node 20.20.2 (libuv 1.46) say that all is well, and listen at the first 107
# bytes of the path, Node at 108: the file that is there then has another name, and the two do not meet. Clients of the same
# make cut in the same way, so that all seems well until two paths differ only behind that byte: the second program is told
# that the address is in use, and its clients talk to the first.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock node@20.20.2
apt-get -q -o APT::Sandbox::User=root download libuv1=1.44.2-1+deb12u1 libuv1-dev=1.44.2-1+deb12u1 socat=1.7.4.4-2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >listen.c <<'C'
#include <stdio.h>
#include <uv.h>
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        static uv_pipe_t pipes[9];
        uv_pipe_init(uv_default_loop(), &pipes[i], 0);
        int status = uv_pipe_bind(&pipes[i], argv[i]);
        printf("%s ", status == 0 ? "ok" : uv_err_name(status));
    }
    return 0;
}
C
cat >listen.cjs <<'JS'
const net = require('net'), [, , first, second] = process.argv
const say = text => process.stdout.write(text + ' ')
net.createServer(socket => socket.end('the first')).listen(first, () => {
    say('ok')
    net.createServer(socket => socket.end('the second')).on('error', error => {
        say(error.code)
        net.connect(second).on('data', data => { say(`and a client of the second one talks to ${data}`); process.exit() })
    }).listen(second, () => process.exit())
})
JS
gcc -I root/usr/include -o listen listen.c -L "$(echo root/usr/lib/*-linux-gnu*)" -luv
long=$t/$(printf 'x%.0s' {1..100})
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export LD_LIBRARY_PATH
changed=no
try() { # NAME, EXPECTED, BYTES OF THE SOCKET'S PATH, COMMAND…
    local seen name=$1 expected=$2 bytes=$3 files
    shift 3
    seen=$(timeout 20 "$@" 2>&1) || true
    files=$(find . -maxdepth 1 -type s -printf '%f ')
    find . -maxdepth 1 -type s -delete
    echo "$name: ${seen//$t/…}"
    files=${files:+$((${#t} + ${#files}))} # its blank stands for the slash
    echo "    bytes of the path that is there: ${files:-none}"
    [ "$files" = "$bytes" ] || changed=yes
    [[ $seen == *"$expected"* ]] || changed=yes
}
try libuv "ok EADDRINUSE " 107 ./listen "$long-one" "$long-two"
try Node "ok EADDRINUSE and a client of the second one talks to the first " 108 node_modules/node/bin/node listen.cjs "$long-one" "$long-two"
try socat "characters long, max length is" "" root/usr/bin/socat "UNIX-LISTEN:$long-one" -
[ "$changed" = no ]

#!/usr/bin/env bash
# A device's name in /etc/hosts, SSH1.pump-07.tunnel, as its service is called, and programs that write names in lower case, as
# ssh and browsers do with what was typed. Names in the DNS have no case (RFC 4343).
# Guess: every resolver finds the line, whatever the case on either side.
# Seen: glibc and c-ares do. musl, which static and Alpine's programs are made with, compares byte by byte: ssh1.… is
# not found, and SSH2.… is not found where the file has ssh2.…. A hosts file for musl has lower case only.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download musl-dev=1.2.3-1 libc-ares-dev=1.18.1-3 \
    libc-ares2=1.18.1-3 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
lib=$t/root/usr/lib/$(gcc -print-multiarch) musl=$(gcc -print-multiarch | sed 's/-gnu/-musl/')
cat >with-libc.c <<'C'
#include <netdb.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
        printf("%s ", getaddrinfo(argv[i], "22", &hints, &found) == 0 ? "yes" : "no");
    }
    return 0;
}
C
cat >with-c-ares.c <<'C'
#include <ares.h>
#include <netdb.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    ares_channel channel;
    ares_init(&channel);
    for (int i = 1; i < argc; i++) {
        struct hostent *found;
        printf("%s ", ares_gethostbyname_file(channel, argv[i], AF_INET, &found) == ARES_SUCCESS ? "yes" : "no");
    }
    return 0;
}
C
gcc -o with-glibc with-libc.c
sed "s|/usr/[a-z]*/$musl|$t/root&|g" root/usr/lib/"$musl"/musl-gcc.specs >musl.specs
gcc -specs musl.specs -static -o with-musl with-libc.c
gcc -I root/usr/include -o with-c-ares with-c-ares.c -L "$lib" -lcares
printf '127.0.0.1 localhost\n192.0.2.1 SSH1.pump-07.tunnel\n192.0.2.2 ssh2.pump-07.tunnel\n' >hosts
printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' >resolv.conf
names=(SSH1.pump-07.tunnel ssh1.pump-07.tunnel SSH2.pump-07.tunnel ssh2.pump-07.tunnel)
cat hosts
changed=no
try() { # RESOLVER, EXPECTED
    local seen
    seen=$(LD_LIBRARY_PATH="$lib" unshare -rm sh -c 'mount --bind hosts /etc/hosts
        mount --bind resolv.conf /etc/resolv.conf
        exec "$@"' sh "./with-$1" "${names[@]}")
    echo "$1: ${names[*]}: $seen"
    [ "$seen" = "$2 " ] || changed=yes
}
try glibc "yes yes yes yes"
try c-ares "yes yes yes yes"
try musl "yes no no yes"
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

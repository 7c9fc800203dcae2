#!/usr/bin/env bash
# hiredis' asynchronous API with the adapters for event loops that come with it.
# Guess: whatever the loop, a refused connection calls the connect callback, a connection that is reset calls the
# disconnect callback, and a command that is under way gets its NULL reply.
# Seen: with libev and libevent, yes. With libuv no callback tells of either: the command is neither answered nor failed,
# and the loop has nothing left to do. An orderly end is told by all three.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download libhiredis-dev=0.14.1-3 libhiredis0.14=0.14.1-3 \
    libev-dev=1:4.33-1 libev4=1:4.33-1 libevent-dev=2.1.12-stable-8 libevent-2.1-7=2.1.12-stable-8 \
    libuv1-dev=1.44.2-1+deb12u1 libuv1=1.44.2-1+deb12u1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
lib=$t/root/usr/lib/$(gcc -print-multiarch)
export LD_LIBRARY_PATH="$lib"
cat >client.c <<'C'
#include <hiredis/async.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static int told;
static void on_connect(const redisAsyncContext *c, int status)
{
    told |= status == REDIS_OK ? 0 : 1;
}
static void on_disconnect(const redisAsyncContext *c, int status)
{
    told |= 2;
}
static void on_reply(redisAsyncContext *c, void *reply, void *user)
{
    told |= reply == NULL ? 4 : 0;
}
int main(int argc, char **argv)
{
    alarm(20);
    redisAsyncContext *c = redisAsyncConnect("127.0.0.1", atoi(argv[1]));
#ifdef UV
    redisLibuvAttach(c, uv_default_loop());
#elif defined(EV)
    redisLibevAttach(EV_DEFAULT, c);
#else
    struct event_base *base = event_base_new();
    redisLibeventAttach(c, base);
#endif
    redisAsyncSetConnectCallback(c, on_connect);
    redisAsyncSetDisconnectCallback(c, on_disconnect);
    redisAsyncCommand(c, on_reply, NULL, "PING");
#ifdef UV
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
#elif defined(EV)
    ev_run(EV_DEFAULT, 0);
#else
    event_base_dispatch(base);
#endif
    printf("%s%s%s%s\n", told & 1 ? "connect " : "", told & 2 ? "disconnect " : "", told & 4 ? "reply" : "", told ? "" : "nothing");
    return 0;
}
C
build() { # NAME MACRO LIBRARY: the header before <hiredis/async.h> brings its library's own
    { printf '#define _GNU_SOURCE\n#include <hiredis/adapters/%s.h>\n' "$1"; cat client.c; } >"$1.c"
    gcc -w -I root/usr/include "-D$2" -o "with-$1" "$1.c" -L "$lib" -lhiredis "$3"
}
build libuv UV -luv
build libev EV -lev
build libevent EVENT -levent
cat >run.py <<'PY'
import socket, struct, subprocess, sys, threading
def told(name, end):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
        if end != "refused":
            def serve():
                c = s.accept()[0]
                if end == "reset":
                    c.recv(1)
                    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    c.recv(100)
                c.close()
            threading.Thread(target=serve, daemon=True).start()
        else:
            s.close()
        r = subprocess.run(["./with-" + name, str(port)], capture_output=True, text=True, timeout=30)
    return r.stdout.strip()
expected = {"libuv": ["nothing", "nothing", "disconnect reply"],
            "libev": ["connect reply", "disconnect reply", "disconnect reply"],
            "libevent": ["connect reply", "disconnect reply", "disconnect reply"]}
changed = False
for name, words in expected.items():
    seen = [told(name, end) for end in ("refused", "reset", "closed")]
    print("{}: refused: {}; reset: {}; closed: {}".format(name, *seen), flush=True)
    changed |= seen != words
sys.exit("this has changed" if changed else 0)
PY
python3 run.py

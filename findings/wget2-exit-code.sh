#!/usr/bin/env bash
# wget2, the successor of wget, in scripts that ask whether a download came through.
# Guess: an HTTP error gives exit code 8, and a failed connection or name 4, as its manual says and as
# wget does.
# Seen: only 404 gives 8. 403, 429, 500, 502, 503, a refused connection and a name that does not
# resolve give 0, with nothing written.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download wget2=1.99.1-2.2 libwget0 libpcre2-8-0 libgpgme11 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
export PATH="$t/root/usr/bin:$PATH" LD_LIBRARY_PATH="$t/root/usr/lib:$t/root/usr/lib/$(uname -m)-linux-gnu"
wget2 --version | head -1
cat >server.py <<'P'
import http.server
class Status(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(self.path[1:]))
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Status)
print(server.server_address[1], flush=True)
server.serve_forever()
P
mkfifo port
python3 server.py >port &
read -r port <port
changed=no
try() { # URL EXPECTED
    local code=0
    wget2 -q --tries=1 -O out "$1" || code=$?
    echo "$1: exit code $code"
    [ "$code" = "$2" ] || changed=yes
}
try "http://127.0.0.1:$port/200" 0
try "http://127.0.0.1:$port/404" 8
for status in 403 429 500 502 503; do try "http://127.0.0.1:$port/$status" 0; done
try http://127.0.0.1:1/ 0
try http://no-such-name.invalid/ 0
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

#!/usr/bin/env bash
# Devices load firmware and settings by TFTP. The names of its options may be in any case (RFC 2347), a text in mode
# netascii has a carriage return and a line feed at the end of each line, and tsize is the size to be sent (RFC 2349).
# Guess: so do npm's tftp and atftpd, and if a size of a text is told, then the right one.
# Seen: tftp 0.1.2 ignores BLKSIZE and takes blksize, and sends a text of mode netascii as it lies on the disk. atftpd
# 0.8.0 takes both and sends the carriage return; but asked for its size in that mode, it says 0.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock tftp@0.1.2
apt-get -q -o APT::Sandbox::User=root download atftpd=0.8.0-3 libwrap0 libpcre3 libnsl2 libtirpc3 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
mkdir files
printf 'pump\n' >files/text
chmod -R a+rX "$t"
read -r npm_port atftpd_port < <(python3 - <<'PY'
import socket
held = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(2)]
for s in held: s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in held])
PY
)
cat >server.cjs <<'JS'
const server = require('tftp').createServer({ host: '127.0.0.1', port: Number(process.argv[2]), root: 'files' })
server.on('error', () => {})
server.on('request', request => request.on('error', () => {}))
server.listen()
JS
timeout 50 node server.cjs "$npm_port" 2>/dev/null &
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*):$(echo "$t"/root/lib/*-linux-gnu*) timeout 50 root/usr/sbin/atftpd \
    --daemon --no-fork --user "$(id -un)" --group "$(id -gn)" --bind-address 127.0.0.1 --port "$atftpd_port" \
    --logfile "$t/log" "$t/files" &
cat >try.py <<'PY'
import socket, sys
def ask(port, *words):
    for _ in range(20):
        with socket.socket(type=socket.SOCK_DGRAM) as s:
            s.settimeout(1)
            s.sendto(b"\0\1" + b"".join(w.encode() + b"\0" for w in ("text", *words)), ("127.0.0.1", port))
            try:
                answer, peer = s.recvfrom(2000)
            except (TimeoutError, ConnectionError):
                continue
            s.sendto(b"\0\5\0\0enough\0", peer)
            return answer[4:] if answer[1] == 3 else answer[2:]
    sys.exit("no answer")
requests = (("octet", "blksize", "1000"), ("octet", "BLKSIZE", "1000"), ("netascii",), ("netascii", "tsize", "0"))
seen = {name: [ask(int(port), *r) for r in requests] for name, port in zip(("tftp", "atftpd"), sys.argv[1:])}
for name, answers in seen.items():
    for request, answer in zip(requests, answers):
        print(f"{name}: {' '.join(request)}: {answer}")
sys.exit(seen != {"tftp": [b"blksize\x001000\0", b"pump\n", b"pump\n", b"tsize\x005\0"],
                  "atftpd": [b"blksize\x001000\0", b"blksize\x001000\0", b"pump\r\n", b"tsize\x000\0"]})
PY
timeout 45 python3 try.py "$npm_port" "$atftpd_port"

#!/usr/bin/env bash
# corkscrew, the oldest ProxyCommand helper for ssh through a web proxy, and proxies whose 200 to CONNECT
# has a long head (cookies, trace fields) or comes in two segments.
# Guess: the answer is read up to its empty line, as connect-proxy, proxytunnel, ncat and socat do.
# Seen: it makes one read of 4096 bytes and takes what lies behind for the destination's: the rest of the
# proxy's head goes to ssh in front of the banner. If the status line itself is cut, it gives up.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download corkscrew=2.0-14 connect-proxy=1.105-1.3 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
export PATH="$t/root/usr/bin:$PATH"
python3 - <<'PY'
import socket, subprocess, sys, time
BANNER = b"SSH-2.0-example\r\n"
def run(pieces, *command):
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(20)
        command = [w.replace("PORT", str(s.getsockname()[1])) for w in command]
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        with s.accept()[0] as c:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += c.recv(4096)
            try:
                for piece in pieces:
                    c.sendall(piece)
                    time.sleep(0.5)
            except ConnectionError:
                pass
        try:
            return client.communicate(timeout=20)[0]
        finally:
            client.kill()
def words(got):
    if got == BANNER:
        return "the banner"
    return f"{len(got) - len(BANNER)} bytes too many" if got.endswith(BANNER) else "nothing"
status = b"HTTP/1.1 200 OK\r\n"
answers = {"a short head": [status + b"\r\n", BANNER],
           "a head of 6 KB": [status + b"X-Trace: " + b"a" * 6000 + b"\r\n\r\n", BANNER],
           "a cut status line": [status[:10], status[10:] + b"\r\n", BANNER]}
clients = {"corkscrew 2.0": ["corkscrew", "127.0.0.1", "PORT", "ssh1.example", "22"],
           "connect-proxy 1.105": ["connect-proxy", "-H", "127.0.0.1:PORT", "ssh1.example", "22"]}
seen = []
for client, command in clients.items():
    for answer, pieces in answers.items():
        seen.append(words(run(pieces, *command)))
        print(f"{client}, {answer}: {seen[-1]}")
sys.exit(0 if seen == ["the banner", "1934 bytes too many", "nothing"] + ["the banner"] * 3 else "this has changed")
PY

#!/usr/bin/env bash
# An HTTP server answers GET with an interim answer first, 103 "Early Hints" (RFC 8297) or 100, and then with 200 and the page. "A
# client MUST be able to parse one or more 1xx responses", even if it does not expect any (RFC 9110, section 15.2).
# Guess: clients skip what they do not know; it is an old rule of HTTP/1.1.
# Seen: curl, wget, aria2, aiohttp, Go (rclone) and Node's http do. With 103 wget2 and lftp fail, and LWP and Python's urllib and
# requests take it for the answer: for requests it is a success, ok is true, without a page. undici, which is Node's fetch,
# skips 103 and fails for 100; wget2 fails for both. A server sends 103 only to clients that it knows for browsers.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 wget=1.21.3-1+deb12u1 \
    wget2=1.99.1-2.2 libwget0=1.99.1-2.2 libgpgme11 libassuan0 aria2=1.36.0-1 libaria2-0=1.36.0-1 libc-ares2 libssh2-1 \
    lftp=4.9.2-2+b1 rclone=1.60.1+dfsg-2+b5 libwww-perl=6.68-1 libhttp-message-perl libhttp-date-perl liburi-perl libhtml-parser-perl \
    libhtml-tagset-perl libnet-http-perl libencode-locale-perl liblwp-mediatypes-perl libio-html-perl libtry-tiny-perl \
    libhttp-cookies-perl libhttp-negotiate-perl libfile-listing-perl libwww-robotrules-perl libclone-perl libtimedate-perl \
    python3-requests=2.28.1+dfsg-1 python3-urllib3=1.26.12-1+deb12u4 python3-aiohttp=3.8.4-1+deb12u2 python3-aiosignal \
    python3-async-timeout python3-attr python3-frozenlist python3-multidict python3-yarl python3-idna python3-certifi \
    python3-charset-normalizer python3-chardet python3-six python3-typing-extensions >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock undici@7.30.2
cat >get.py <<'PY'
import sys
_, name, url = sys.argv
if name == "requests":
    import requests
    r = requests.get(url)
    print(f"{r.status_code}, ok {r.ok}, {r.text!r}", end="")
elif name == "urllib":
    import urllib.request
    print(urllib.request.urlopen(url).read().decode(), end="")
else:
    import aiohttp, asyncio
    async def run():
        async with aiohttp.ClientSession() as s, s.get(url) as r:
            print(await r.text(), end="")
    asyncio.run(run())
PY
cat >get.js <<'JS'
const [, , name, url] = process.argv, fail = () => process.exit(1)
if (name === 'undici') require('undici').fetch(url).then(r => r.text()).then(text => process.stdout.write(text)).catch(fail)
else require('http').get(url, { agent: false }, r => r.pipe(process.stdout)).on('error', fail)
JS
cat >get.pl <<'PL'
use LWP::UserAgent;
my $r = LWP::UserAgent->new(timeout => 10)->get($ARGV[0]);
print $r->is_success ? $r->content : $r->code;
PL
cat >run.py <<'PY'
import glob, os, socket, subprocess, sys, threading
here = os.getcwd()
plain = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")} | {"HOME": here}
debian = plain | {"LD_LIBRARY_PATH": os.path.abspath(glob.glob("root/usr/lib/*-linux-gnu")[0]) + f":{here}/root/usr/lib"}
python = plain | {"PYTHONPATH": f"{here}/root/usr/lib/python3/dist-packages"}
perl = plain | {"PERL5LIB": ":".join(glob.glob(f"{here}/root/usr/lib/*-linux-gnu/perl5/5.*") + [f"{here}/root/usr/share/perl5"])}
final = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
first = {"none": b"", "103": b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n", "100": b"HTTP/1.1 100 Continue\r\n\r\n"}
clients = {
    "curl": (debian, ["root/usr/bin/curl", "-s", "URL"]),
    "wget": (debian, ["root/usr/bin/wget", "-q", "-t", "1", "-O", "-", "URL"]),
    "aria2": (debian, ["root/usr/bin/aria2c", "-q", "-m", "1", "-d", "got", "-o", "page", "URL"]),
    "aiohttp": (python, ["/usr/bin/python3", "get.py", "aiohttp", "URL"]),
    "rclone": (debian, ["root/usr/bin/rclone", "--config", "/dev/null", "--retries", "1", "--low-level-retries", "1", "copyurl", "URL", "got/page"]),
    "Node": (plain, ["node", "get.js", "http", "URL"]),
    "undici": (plain, ["node", "get.js", "undici", "URL"]),
    "wget2": (debian, ["root/usr/bin/wget2", "-q", "--tries=1", "-O", "-", "URL"]),
    "lftp": (debian, ["root/usr/bin/lftp", "-c", "set net:max-retries 1; set net:timeout 10; cat URL"]),
    "urllib": (python, ["/usr/bin/python3", "get.py", "urllib", "URL"]),
    "requests": (python, ["/usr/bin/python3", "get.py", "requests", "URL"]),
    "LWP": (perl, ["perl", "get.pl", "URL"]),
}
def answer(c, text):
    with c:
        try:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += c.recv(4096) or b"\r\n\r\n"
            c.sendall(text)
            c.shutdown(socket.SHUT_WR)
            c.recv(1)
        except OSError:
            pass
def serve(s, text):
    while True:
        try:
            c = s.accept()[0]
        except OSError:
            return
        threading.Thread(target=answer, args=(c, text), daemon=True).start()
def run(name, interim):
    subprocess.run(["rm", "-rf", "got"])
    s = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(s, first[interim] + final), daemon=True).start()
    environment, command = clients[name]
    r = subprocess.run([w.replace("URL", f"http://127.0.0.1:{s.getsockname()[1]}/page") for w in command], env=environment, timeout=60,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    s.shutdown(socket.SHUT_RDWR)
    s.close()
    said = open("got/page").read() if os.path.exists("got/page") else r.stdout
    return said or "nothing"
expected = {name: ["hello", "hello", "hello"] for name in clients} | {
    "undici": ["hello", "hello", "nothing"], "wget2": ["hello", "nothing", "nothing"], "lftp": ["hello", "nothing", "hello"],
    "urllib": ["hello", "nothing", "hello"], "LWP": ["hello", "103", "hello"],
    "requests": ["200, ok True, 'hello'", "103, ok True, ''", "200, ok True, 'hello'"]}
changed = False
for name, wanted in expected.items():
    seen = [run(name, interim) for interim in first]
    print(f"{name}: 200 alone: {seen[0]}; 103 first: {seen[1]}; 100 first: {seen[2]}", flush=True)
    changed |= seen != wanted
sys.exit("this has changed" if changed else 0)
PY
/usr/bin/python3 run.py

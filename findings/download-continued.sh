#!/usr/bin/env bash
# A device goes on with an interrupted download: it has 50000 of 104000 bytes and asks for "bytes=50000-". The server answers
# 206, and may send less than was asked for, 10000 bytes, or not know the whole length, "bytes 50000-103999/*"; a client has to
# look into Content-Range, whether further requests are needed (RFC 9110, section 15.3.7). Or the file was complete: 416.
# Guess: the file is whole in the end, or there is an error; of the complete file the tool says that all is well.
# Seen: of less than was asked for curl -C -, wget -c and BusyBox' wget -c add what comes and end with 0, although the answer
# says 50000-59999/104000; aria2 and lftp fail. With "/*" lftp takes the answer's length for the file's: it stops at 54000
# bytes, and ends with 0; aria2 fails. For the complete file curl -f ends with 22 and BusyBox with 1.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 wget=1.21.3-1+deb12u1 \
    busybox=1:1.35.0-4+deb12u1+b1 aria2=1.36.0-1 libaria2-0=1.36.0-1 libc-ares2 libssh2-1 lftp=4.9.2-2+b1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >run.py <<'PY'
import glob, os, re, shutil, socket, subprocess, sys, threading
here = os.getcwd()
environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
environment |= {"HOME": here, "LD_LIBRARY_PATH": os.path.abspath(glob.glob("root/usr/lib/*-linux-gnu")[0])}
whole, have = bytes(range(65, 91)) * 4000, 50000
def answer(c, manner):
    with c:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            more = c.recv(4096)
            if not more:
                return
            head += more
        asked = re.search(rb"(?i)\r\nrange: bytes=(\d+)-(\d*)", head)
        status, fields, body = "200 OK", "", whole
        if asked and int(asked[1]) >= len(whole):
            status, fields, body = "416 Range Not Satisfiable", f"Content-Range: bytes */{len(whole)}\r\n", b""
        elif asked:
            first, last = int(asked[1]), int(asked[2] or len(whole) - 1)
            if manner == "less":
                last = min(last, first + 9999)
            total = "*" if manner == "/*" else len(whole)
            status, fields, body = "206 Partial Content", f"Content-Range: bytes {first}-{last}/{total}\r\n", whole[first:last + 1]
        c.sendall(f"HTTP/1.1 {status}\r\n{fields}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
def serve(s, manner):
    while True:
        try:
            c = s.accept()[0]
        except OSError:
            return
        threading.Thread(target=answer, args=(c, manner), daemon=True).start()
clients = {
    "curl": ["root/usr/bin/curl", "-s", "-f", "-C", "-", "-o", "got/file", "URL"],
    "wget": ["root/usr/bin/wget", "-q", "-t", "2", "-c", "-O", "got/file", "URL"],
    "BusyBox": ["root/bin/busybox", "wget", "-q", "-c", "-O", "got/file", "URL"],
    "aria2": ["root/usr/bin/aria2c", "-q", "-c", "-m", "2", "--retry-wait=0", "-d", "got", "-o", "file", "URL"],
    "lftp": ["root/usr/bin/lftp", "-c", "set net:max-retries 2; get -c URL -o got/file"],
}
def run(name, manner, size):
    shutil.rmtree("got", ignore_errors=True)
    os.mkdir("got")
    with open("got/file", "wb") as f:
        f.write(whole[:size])
    s = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(s, manner), daemon=True).start()
    url = f"http://127.0.0.1:{s.getsockname()[1]}/file"
    status = subprocess.run([w.replace("URL", url) for w in clients[name]], env=environment, timeout=60, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    s.shutdown(socket.SHUT_RDWR)
    s.close()
    with open("got/file", "rb") as f:
        got = f.read()
    return f"exit {status}, " + ("whole" if got == whole else f"{len(got)} bytes")
cases = {"all that was asked for": ("all", have), "less": ("less", have), "/*": ("/*", have), "complete": ("all", len(whole))}
expected = {
    "curl": ["exit 0, whole", "exit 0, 60000 bytes", "exit 0, whole", "exit 22, whole"],
    "wget": ["exit 0, whole", "exit 0, 60000 bytes", "exit 0, whole", "exit 0, whole"],
    "BusyBox": ["exit 0, whole", "exit 0, 60000 bytes", "exit 0, whole", "exit 1, whole"],
    "aria2": ["exit 0, whole", "exit 8, 50000 bytes", "exit 8, 50000 bytes", "exit 0, whole"],
    "lftp": ["exit 0, whole", "exit 1, 60000 bytes", "exit 0, 54000 bytes", "exit 0, whole"],
}
changed = False
for name, wanted in expected.items():
    seen = [run(name, *case) for case in cases.values()]
    print(f"{name}:", "; ".join(f"{what}: {verdict}" for what, verdict in zip(cases, seen)), flush=True)
    changed |= seen != wanted
sys.exit("this has changed" if changed else 0)
PY
/usr/bin/python3 run.py

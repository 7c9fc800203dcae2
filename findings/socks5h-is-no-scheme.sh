#!/usr/bin/env bash
# One proxy setting for all tools of a machine: http_proxy, or an option, with a SOCKS5 URL. In curl's URLs
# socks5h:// lets the proxy resolve names, and socks5:// resolves them locally.
# Guess: other tools read the two schemes alike.
# Seen: rclone and restic (Go's net/http) and yt-dlp send the name for socks5://. They do not know socks5h://: the Go
# programs take it for a web proxy whose *host name* is "socks5h" and ask the DNS for that; apt takes socks5h:// only.
# No scheme works with all, so a page with one recipe needs a list of exceptions.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download rclone=1.60.1+dfsg-2+b5 restic=0.14.0-1+b5 yt-dlp=2023.03.04-1 \
    curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >run.py <<'PY'
import os, socket, subprocess, sys, threading
lib = next(d for d, _, f in os.walk("root/usr/lib") if any(n.startswith("libcurl.so") for n in f))
base = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
base |= {"HOME": os.getcwd(), "RESTIC_PASSWORD": "example"}
TARGET = "http://device.example/"
def tools(proxy):
    everywhere = {"http_proxy": proxy, "HTTP_PROXY": proxy}
    return {
        "curl": (["root/usr/bin/curl", "-sS", "-x", proxy, TARGET], {"LD_LIBRARY_PATH": lib}),
        "rclone": (["root/usr/bin/rclone", "--retries=1", "--low-level-retries=1", "lsf", ":http:", "--http-url", TARGET],
                   everywhere),
        "restic": (["root/usr/bin/restic", "-r", "rest:" + TARGET, "--no-cache", "snapshots"], everywhere),
        "yt-dlp": (["/usr/bin/python3", "root/usr/bin/yt-dlp", "--retries=0", "--proxy", proxy, TARGET + "x.mp4"],
                   {"PYTHONPATH": "root/usr/lib/python3/dist-packages"}),
        "apt": (["/usr/lib/apt/apt-helper", "-o", "Acquire::http::Proxy=" + proxy, "-o", "Acquire::Retries=0", "-o",
                 "APT::Sandbox::User=root", "download-file", TARGET + "x", "x"], {}),
    }
def asked(scheme, name):
    """What the SOCKS server is asked for: a name, an address, or nothing."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        found = []
        def serve():
            while True:
                try:
                    c = s.accept()[0]
                except OSError:
                    return
                with c:
                    c.settimeout(10)
                    try:
                        if c.recv(300)[:1] == b"\5":
                            c.sendall(b"\5\0")
                            request = c.recv(300)
                            if request:
                                found.append("name" if request[3] == 3 else "address")
                                c.sendall(b"\5\4\0\1" + bytes(6))
                    except OSError:
                        pass
        threading.Thread(target=serve, daemon=True).start()
        command, environment = tools(f"{scheme}://127.0.0.1:{s.getsockname()[1]}")[name]
        try:
            r = subprocess.run(command, env=base | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                               timeout=15)
            words = (r.stderr + r.stdout).strip()
        except subprocess.TimeoutExpired:
            words = ""
        s.shutdown(socket.SHUT_RDWR)
    return found[0] if found else "the DNS for socks5h" if "lookup socks5h" in words else "nothing"
expected = {"curl": ["nothing", "name"], "rclone": ["name", "the DNS for socks5h"], "restic": ["name", "the DNS for socks5h"],
            "yt-dlp": ["name", "nothing"], "apt": ["nothing", "name"]}
changed = False
for name in expected:
    seen = [asked(s, name) for s in ("socks5", "socks5h")]
    print(f"{name}: socks5:// asks for {seen[0]}; socks5h:// asks for {seen[1]}", flush=True)
    changed |= seen != expected[name]
sys.exit("this has changed" if changed else 0)
PY
/usr/bin/python3 run.py

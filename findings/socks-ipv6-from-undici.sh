#!/usr/bin/env bash
# An IPv6 address as the target of a SOCKS5 connection: RFC 1928 has a type of its own for it, ATYP 4, 16 bytes. The URL that a
# program has says http://[2001:db8::1]:8080/, where the brackets belong to the URL.
# Guess: every client sends 16 bytes, or at worst the text 2001:db8::1 as a name, which servers look up and so understand.
# Seen: curl, git, nc, ncat, PySocks (requests), Go (rclone), npm's socks and socks-proxy-agent send 16 bytes. connect-proxy sends
# the text, and so IPv4, too. npm's undici, which is Node's fetch, sends the text with its brackets, as a name: microsocks
# and Dante answer with a failure, ssh -D closes; all of them take the other two forms.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock undici@7.30.2 socks@2.8.11 socks-proxy-agent@10.1.0
apt-get -q -o APT::Sandbox::User=root download curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 git=1:2.39.5-0+deb12u3 \
    libcurl3-gnutls=7.88.1-10+deb12u15 netcat-openbsd=1.219-1 libbsd0 libmd0 ncat=7.93+dfsg1-1 liblua5.3-0 connect-proxy=1.105-1.3 \
    python3-socks=1.7.1+dfsg-1 python3-requests=2.28.1+dfsg-1 python3-urllib3=1.26.12-1+deb12u4 python3-idna python3-certifi \
    python3-charset-normalizer python3-chardet python3-six rclone=1.60.1+dfsg-2+b5 microsocks=1.0.3-2 dante-server=1.4.2+dfsg-7+b8 \
    openssh-client=1:9.2p1-2+deb12u10 openssh-server=1:9.2p1-2+deb12u10 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >fetch.cjs <<'JS'
const [, , name, url, port] = process.argv, quiet = () => {}
if (name === 'undici') {
    const { fetch, Socks5ProxyAgent } = require('undici')
    fetch(url, { dispatcher: new Socks5ProxyAgent('socks5://127.0.0.1:' + port) }).catch(quiet)
} else if (name === 'socks-proxy-agent') {
    import('socks-proxy-agent').then(({ SocksProxyAgent }) =>
        require('http').get(url, { agent: new SocksProxyAgent('socks5h://127.0.0.1:' + port) }).on('error', quiet))
} else {
    const destination = { host: new URL(url).hostname.replace(/[[\]]/g, ''), port: 8080 }
    require('socks').SocksClient.createConnection({ proxy: { host: '127.0.0.1', port: +port, type: 5 }, command: 'connect', destination }).catch(quiet)
}
JS
cat >run.py <<'PY'
import glob, os, pwd, socket, struct, subprocess, sys, time
here = os.getcwd()
library = os.path.abspath(glob.glob("root/usr/lib/*-linux-gnu")[0])
me = pwd.getpwuid(os.getuid()).pw_name
plain = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")} | {"HOME": here}
debian = plain | {"LD_LIBRARY_PATH": library, "PATH": f"{here}/root/usr/bin:{here}/root/usr/sbin:{os.environ['PATH']}"}
url, address = "http://[2001:db8::1]:8080/", "2001:db8::1"
clients = {
    "curl": ["curl", "-s", "-x", "socks5h://127.0.0.1:PORT", url],
    "git": ["git", "-c", "http.proxy=socks5h://127.0.0.1:PORT", "ls-remote", url],
    "nc": ["nc.openbsd", "-X", "5", "-x", "127.0.0.1:PORT", address, "8080"],
    "ncat": ["ncat", "--proxy-type", "socks5", "--proxy", "127.0.0.1:PORT", address, "8080"],
    "requests": ["/usr/bin/python3", "-c", f"import requests; requests.get({url!r}, proxies={{'http': 'socks5h://127.0.0.1:PORT'}})"],
    "rclone": ["rclone", "--config", "/dev/null", "lsf", "--http-url", url, ":http:"],
    "socks": ["node", "fetch.cjs", "socks", url, "PORT"],
    "socks-proxy-agent": ["node", "fetch.cjs", "socks-proxy-agent", url, "PORT"],
    "connect-proxy": ["connect-proxy", "-S", "127.0.0.1:PORT", address, "8080"],
    "undici": ["node", "fetch.cjs", "undici", url, "PORT"],
}
def target(name):
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(30)
        port = str(s.getsockname()[1])
        environment = dict(plain if clients[name][0] == "node" else debian)
        if name == "requests":
            environment = plain | {"PYTHONPATH": f"{here}/root/usr/lib/python3/dist-packages"}
        if name == "rclone":
            environment["http_proxy"] = "socks5://127.0.0.1:" + port
        client = subprocess.Popen([w.replace("PORT", port) for w in clients[name]], env=environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with s.accept()[0] as c, c.makefile("rb") as f:
            f.read(f.read(2)[1])
            c.sendall(b"\5\0")
            kind = f.read(4)[3]
            text = socket.inet_ntop(socket.AF_INET6, f.read(16)) if kind == 4 else f.read(f.read(1)[0]).decode()
        client.kill()
        client.wait()
        return f"ATYP {kind}, {text}"
def free():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]
running = []
def start(command, port):
    running.append(subprocess.Popen(command, env=debian, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return port
        except OSError:
            time.sleep(0.1)
def servers():
    port = free()
    yield "microsocks", start(["microsocks", "-i", "127.0.0.1", "-p", str(port)], port)
    port = free()
    with open("danted.conf", "w") as f:
        f.write(f"internal: 127.0.0.1 port = {port}\nexternal: lo\nexternal.rotation: route\nclientmethod: none\nsocksmethod: none\n"
                f"user.privileged: {me}\nuser.unprivileged: {me}\nlogoutput: {here}/danted.log\n"
                "client pass { from: 0/0 to: 0/0 }\nsocks pass { from: 0/0 to: 0/0 }\nsocks pass { from: 0/0 to: ::/0 }\n")
    yield "Dante", start(["danted", "-f", "danted.conf", "-p", f"{here}/danted.pid"], port)
    for name in "host", "me":
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name], env=debian, check=True)
    os.makedirs("/run/sshd", exist_ok=True)
    ssh_port = free()
    start([f"{here}/root/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", str(ssh_port), "-h", f"{here}/host", "-o", "ListenAddress=127.0.0.1",
           "-o", f"AuthorizedKeysFile={here}/me.pub", "-o", "StrictModes=no", "-o", "PidFile=none"], ssh_port)
    port = free()
    yield "ssh -D", start(["ssh", "-F", "/dev/null", "-N", "-p", str(ssh_port), "-i", "me", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
                           "-o", "UserKnownHostsFile=/dev/null", "-D", f"127.0.0.1:{port}", f"{me}@127.0.0.1"], port)
def ask(port, to, service):
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.settimeout(30)
        s.sendall(b"\5\1\0")
        s.recv(2)
        s.sendall(b"\5\1\0" + to + struct.pack(">H", service))
        try:
            answer = s.recv(300)
        except ConnectionResetError:
            answer = b""
    return f"reply {answer[1]}" if answer else "closed"
changed = False
for name in clients:
    seen = target(name)
    print(f"{name}: {seen}", flush=True)
    changed |= seen != {"undici": "ATYP 3, [2001:db8::1]", "connect-proxy": "ATYP 3, 2001:db8::1"}.get(name, "ATYP 4, 2001:db8::1")
try:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as service:
        forms = [b"\4" + socket.inet_pton(socket.AF_INET6, "::1"), b"\3\3::1", b"\3\5[::1]"]
        for name, port in servers():
            seen = [ask(port, to, service.getsockname()[1]) for to in forms]
            print(f"{name}: 16 bytes {seen[0]}; as a name {seen[1]}; as a name in brackets {seen[2]}", flush=True)
            changed |= seen != ["reply 0", "reply 0", {"microsocks": "reply 1", "Dante": "reply 4", "ssh -D": "closed"}[name]]
finally:
    for process in running:
        process.terminate()
        process.wait()
sys.exit("this has changed" if changed else 0)
PY
/usr/bin/python3 run.py

#!/usr/bin/env bash
# Users and passwords for hosts in ~/.netrc, the one file of curl, wget, Python's netrc (below requests) and npm's netrc and
# netrc-parser. A password has a "#" or a backslash, or is quoted for its blank; a host stands twice, with two users; a macro
# of ftp's, macdef, ends at an empty line; a comment has an old entry.
# Guess: passwords are read alike, or the file is refused; the first entry of a host counts; comments and macros do not.
# Seen: only Python takes "#secret"; for curl and npm's two it is empty, and wget sends nothing. se#cret is "se" for npm's, a\b
# is "ab" for wget and Python, "my secret" is cut at the blank by npm's. Of two entries Python and npm's netrc take the last,
# the others the first. netrc-parser takes user and password from a comment and from within a macro; npm's netrc fails for a
# file that begins with a macro. A password for all has letters and digits.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 libssh2-1 \
    wget=1.21.3-1+deb12u1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock netrc@0.1.4 netrc-parser@3.1.6
cat >client.cjs <<'JS'
const [, , name, file] = process.argv
if (name === 'netrc') {
    const { login, password } = require('netrc')(file)['127.0.0.1']
    console.log(`${login}:${password ?? ''}`)
} else {
    const { Netrc } = require('netrc-parser'), parsed = new Netrc(file)
    parsed.loadSync()
    const { login, password } = parsed.machines['127.0.0.1']
    console.log(`${login}:${password}`)
}
JS
cat >with_python.py <<'PY'
import netrc, sys
login, _, password = netrc.netrc(sys.argv[1]).authenticators("127.0.0.1")
print(f"{login}:{password}")
PY
cat >run.py <<'PY'
import base64, glob, http.server, os, subprocess, sys, threading
here = os.getcwd()
environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
environment |= {"HOME": here, "LD_LIBRARY_PATH": glob.glob(here + "/root/usr/lib/*-linux-gnu*")[0]}
came = []
class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        words = self.headers.get("Authorization", "").split()
        if words:
            came.append(base64.b64decode(words[1]).decode())
        self.send_response(200 if words else 401)
        if not words:
            self.send_header("WWW-Authenticate", 'Basic realm="pump"')
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
url, file = f"http://127.0.0.1:{server.server_address[1]}/", here + "/.netrc"
clients = {"curl": ["root/usr/bin/curl", "-s", "--netrc", url], "wget": ["root/usr/bin/wget", "-q", "-t3", "-O-", url],
           "Python": ["/usr/bin/python3", "with_python.py", file], "netrc": ["node", "client.cjs", "netrc", file],
           "netrc-parser": ["node", "client.cjs", "netrc-parser", file]}
entry = "machine 127.0.0.1 login pump password "
files = {"plain": entry + "secret\n", "hash inside": entry + "se#cret\n", "hash in front": entry + "#secret\n",
         "backslash": entry + "a\\b\n", "quoted": entry + '"my secret"\n',
         "two": entry + "one\nmachine 127.0.0.1 login other password two\n",
         "macro": "macdef old\nmachine 127.0.0.1 login old password old\n\n" + entry + "secret\n",
         "comment": "# machine 127.0.0.1 login old password old\n" + entry + "secret\n"}
right = ["pump:secret", "pump:se#cret", "pump:#secret", "pump:a\\b", "pump:my secret", "pump:one", "pump:secret", "pump:secret"]
def read(command):
    came.clear()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=30)
    return came[0] if came else done.stdout.strip() or "nothing"
other = {"curl": {"hash in front": "pump:"}, "wget": {"hash in front": "nothing", "backslash": "pump:ab"},
         "Python": {"backslash": "pump:ab", "two": "other:two"},
         "netrc": {"hash inside": "pump:se", "hash in front": "pump:", "quoted": 'pump:"my', "two": "other:two", "macro": "nothing"},
         "netrc-parser": {"hash inside": "pump:se", "hash in front": "pump:", "quoted": 'pump:"my', "macro": "old:old",
                          "comment": "old:old"}}
changed = False
for name, command in clients.items():
    for (case, text), wanted in zip(files.items(), right):
        with open(".netrc", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
            f.write(text)
        seen = read(command)
        if seen != wanted:
            print(f"{name}: {case}: {seen}", flush=True)
        changed |= seen != other[name].get(case, wanted)
sys.exit("this has changed" if changed else 0)
PY
timeout 200 /usr/bin/python3 run.py

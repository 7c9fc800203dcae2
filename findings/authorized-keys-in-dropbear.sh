#!/usr/bin/env bash
# A fleet's devices get one ~/.ssh/authorized_keys; some run OpenSSH's sshd, the small ones dropbear. Its lines have options, in
# front of the key, and columns lined up with blanks or tabs.
# Guess: dropbear takes the options that it knows and passes over a line that has others; blanks do not matter.
# Seen: dropbear 2022.83 knows "restrict", but no "restrict,pty", "restrict,port-forwarding", permitlisten, from, expiry-time
# or environment, which are lines that let nobody in. So are plain lines with a blank or tab in front, a tab between type and
# key, or two blanks there; the log has "Bad public key options" at best. Of command="echo \"up\"" it runs echo \"up\", backslashes and all.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download openssh-client=1:9.2p1-2+deb12u10 openssh-server=1:9.2p1-2+deb12u10 \
    dropbear-bin=2022.83-1+deb12u3 libtomcrypt1 libtommath1 libgmp10 libnss-wrapper=1.1.12-1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >run.py <<'PY'
import glob, os, pwd, socket, subprocess, sys, time
here = os.getcwd()
me = pwd.getpwuid(os.getuid()).pw_name
library = os.path.abspath(glob.glob("root/usr/lib/*-linux-gnu")[0])
debian = os.environ | {"LD_LIBRARY_PATH": library, "PATH": f"{here}/root/usr/bin:{here}/root/usr/sbin:{os.environ['PATH']}", "HOME": here}
os.makedirs("/run/sshd", exist_ok=True)
os.makedirs("home/.ssh", 0o700)
os.chmod("home", 0o755)
with open("passwd", "w") as f: # dropbear looks in the user's home, which is to be here
    f.write(f"{me}:x:{os.getuid()}:{os.getgid()}::{here}/home:/bin/sh\n")
with open("group", "w") as f:
    f.write(f"{me}:x:{os.getgid()}:\n")
for name in "host", "me":
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name], env=debian, check=True)
subprocess.run(["dropbearconvert", "openssh", "dropbear", "host", "host.dropbear"], env=debian, check=True, capture_output=True)
def start(command, environment):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = str(s.getsockname()[1])
    server = subprocess.Popen([w.replace("PORT", port) for w in command], env=environment, stderr=open(f"log.{os.path.basename(command[0])}", "w"))
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", int(port))).close()
            break
        except OSError:
            time.sleep(0.1)
    return server, port
sshd, sshd_port = start([f"{here}/root/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", "PORT", "-h", f"{here}/host", "-o", "ListenAddress=127.0.0.1",
    "-o", f"AuthorizedKeysFile={here}/home/.ssh/authorized_keys", "-o", "StrictModes=no", "-o", "PidFile=none", "-o", "PermitUserEnvironment=yes"], debian)
dropbear, dropbear_port = start([f"{here}/root/usr/sbin/dropbear", "-F", "-E", "-r", "host.dropbear", "-p", "127.0.0.1:PORT", "-P", f"{here}/pid"],
    debian | {"LD_PRELOAD": f"{library}/libnss_wrapper.so", "NSS_WRAPPER_PASSWD": f"{here}/passwd", "NSS_WRAPPER_GROUP": f"{here}/group"})
def login(port):
    r = subprocess.run(["ssh", "-F", "/dev/null", "-p", port, "-i", "me", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
                        "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes", f"{me}@127.0.0.1", "echo in"],
                       env=debian, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60)
    return r.stdout.strip() if r.returncode == 0 else "refused"
with open("me.pub") as f:
    kind, key, _ = f.read().split()
plain = f"{kind} {key} plant"
lines = [ # what it is, the line, what sshd and dropbear say
    ("plain", plain, "in", "in"),
    ("restrict", "restrict " + plain, "in", "in"),
    ("no-pty,no-X11-forwarding", "no-pty,no-X11-forwarding " + plain, "in", "in"),
    ("restrict,pty", "restrict,pty " + plain, "in", "refused"),
    ("restrict,port-forwarding", "restrict,port-forwarding " + plain, "in", "refused"),
    ("permitopen", 'permitopen="127.0.0.1:80" ' + plain, "in", "in"),
    ("permitlisten", 'permitlisten="2201" ' + plain, "in", "refused"),
    ("from", 'from="127.0.0.1" ' + plain, "in", "refused"),
    ("expiry-time", 'expiry-time="20991231" ' + plain, "in", "refused"),
    ("environment", 'environment="PLANT=7" ' + plain, "in", "refused"),
    ("a blank in front", " " + plain, "in", "refused"),
    ("a tab in front", "\t" + plain, "in", "refused"),
    ("a tab between type and key", f"{kind}\t{key} plant", "in", "refused"),
    ("two blanks between them", f"{kind}  {key} plant", "in", "refused"),
    ("two blanks behind the key", f"{kind} {key}  plant", "in", "in"),
    ("command", 'command="echo up" ' + plain, "up", "up"),
    ("command with quotation marks", 'command="echo \\"up\\"" ' + plain, "up", '"up"'),
]
changed = False
try:
    for what, line, *wanted in lines:
        with open("home/.ssh/authorized_keys", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
            f.write(line + "\n")
        seen = [login(sshd_port), login(dropbear_port)]
        print(f"{what}: sshd: {seen[0]}, dropbear: {seen[1]}", flush=True)
        changed |= seen != wanted
finally:
    for server in sshd, dropbear:
        server.terminate()
        server.wait()
sys.exit("this has changed" if changed else 0)
PY
/usr/bin/python3 run.py

#!/usr/bin/env bash
# amqp:// URLs for RabbitMQ. Its specification of them says that amqp://host has no virtual host, so that the client's default,
# "/", is taken, and amqp://host/ the empty one, "", which no broker has unless it was made; and a user may stand without a
# password.
# Guess: the clients follow it, since a URL in a configuration is read by all of a system's programs.
# Seen: rabbitmq-c's tools do, and fail with the slash that one writes without thought; amqplib, pika and kombu make "/" of it.
# For a user without a password rabbitmq-c and kombu send "guest" as the password, kombu also if it is empty, "u:@"; amqplib
# sends an empty one, and pika raises TypeError.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download amqp-tools=0.11.0-1+deb12u3 librabbitmq4=0.11.0-1+deb12u3 libpopt0 \
    python3-pika=1.2.0-1 python3-kombu=5.2.4-1 python3-amqp=5.1.1-1 python3-vine python3-typing-extensions >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock amqplib@2.3.1
cat >with-amqplib.js <<'JS'
require('amqplib').connect(process.argv[2]).catch(() => {})
JS
cat >with_pika.py <<'PY'
import pika, sys
pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
PY
cat >with_kombu.py <<'PY'
import kombu, sys
kombu.Connection(sys.argv[1]).connect()
PY
cat >run.py <<'PY'
import glob, os, re, socket, struct, subprocess, sys
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(os.getcwd() + "/root/usr/lib/*-linux-gnu*")[0],
                            "PYTHONPATH": os.getcwd() + "/root/usr/lib/python3/dist-packages"}
def method(number, arguments):
    return struct.pack(">BHIHH", 1, 0, 4 + len(arguments), 10, number) + arguments + b"\xce"
def long_string(data):
    return struct.pack(">I", len(data)) + data
def read(f):  # the arguments of one method
    size = struct.unpack(">BHI", f.read(7))[2]
    return f.read(size + 1)[4:-1]
def sent(command, url):
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(0.2)
        client = subprocess.Popen([w.replace("URL", url.replace("HERE", f"127.0.0.1:{s.getsockname()[1]}")) for w in command],
                                  env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  text=True)
        c = None
        while c is None:
            try:
                c = s.accept()[0]
            except TimeoutError:
                if client.poll() is not None:
                    return re.findall(r"^\w+Error", client.stderr.read(), re.M)[-1]
        with c, c.makefile("rb") as f:
            c.settimeout(20)
            f.read(8)
            c.sendall(method(10, b"\0\x09" + long_string(b"") + long_string(b"PLAIN") + long_string(b"en_US")))
            start = read(f)
            response = start[4 + int.from_bytes(start[:4], "big"):]
            response = response[1 + response[0]:]
            user, password = response[4:4 + int.from_bytes(response[:4], "big")].decode().split("\0")[1:]
            c.sendall(method(30, struct.pack(">HIH", 0, 131072, 0)))
            read(f)
            host = read(f)
        client.kill()
        client.communicate()
    return f"{user}:{password}@ {host[1:1 + host[0]].decode()!r}"
clients = {"amqp-get 0.11": ["root/usr/bin/amqp-get", "-u", "URL", "-q", "x"], "amqplib 2.3.1": ["node", "with-amqplib.js", "URL"],
           "pika 1.2.0": ["/usr/bin/python3", "-W", "ignore", "with_pika.py", "URL"],
           "kombu 5.2.4": ["/usr/bin/python3", "-W", "ignore", "with_kombu.py", "URL"]}
expected = {"amqp://u:p@HERE": ["u:p@ '/'"] * 4, "amqp://u:p@HERE/": ["u:p@ ''"] + ["u:p@ '/'"] * 3,
            "amqp://u@HERE/v": ["u:guest@ 'v'", "u:@ 'v'", "TypeError", "u:guest@ 'v'"],
            "amqp://u:@HERE/v": ["u:@ 'v'"] * 3 + ["u:guest@ 'v'"]}
changed = False
for url, answers in expected.items():
    seen = [sent(command, url) for command in clients.values()]
    print(f"{url}: " + ", ".join(f"{c}: {s}" for c, s in zip(clients, seen)), flush=True)
    changed |= seen != answers
sys.exit("this has changed" if changed else 0)
PY
timeout 100 /usr/bin/python3 run.py

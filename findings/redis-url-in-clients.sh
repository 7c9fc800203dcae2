#!/usr/bin/env bash
# A Redis with a password and no users, and data in its database 2, by URL: redis://:secret@host/2, the same without the colon, or
# with "?db=2", which the scheme's registration with IANA has as well as the path.
# Guess: what works with one client works with the next one; what a client does not know it refuses.
# Seen: redis-cli takes the empty user for a user and is not let in with ":secret@"; it is with "secret@", which ioredis and
# python3-redis take for a user and npm's redis leaves out. redis-cli and npm's redis pass over "?db=2" without a word and
# work in database 0. The user "default" and the path is the form for all.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 \
    libhiredis0.14 libjemalloc2 liblua5.1-0 liblzf1 lua-bitop lua-cjson libatomic1 python3-redis=4.3.4-3 \
    python3-async-timeout python3-deprecated python3-wrapt python3-packaging >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock ioredis@6.0.0 redis@6.3.1
cat >with-ioredis.js <<'JS'
const client = new (require('ioredis'))(process.argv[2], { maxRetriesPerRequest: 0, retryStrategy: () => null })
client.on('error', () => {})
client.get('place').then(console.log, () => console.log('refused')).finally(() => process.exit())
JS
cat >with-redis.js <<'JS'
const client = require('redis').createClient({ url: process.argv[2], socket: { reconnectStrategy: false } })
client.on('error', () => {})
client.connect().then(() => client.get('place')).then(console.log, () => console.log('refused')).finally(() => process.exit())
JS
cat >with_python.py <<'PY'
import redis, sys
try:
    print(redis.Redis.from_url(sys.argv[1]).get("place").decode())
except redis.RedisError:
    print("refused")
PY
cat >run.py <<'PY'
import glob, os, random, socket, subprocess, sys, time
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(os.getcwd() + "/root/usr/lib/*-linux-gnu*")[0],
                            "PYTHONPATH": os.getcwd() + "/root/usr/lib/python3/dist-packages"}
def free_port():
    while True:  # below the ports that the kernel hands out
        try:
            with socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as s:
                return s.getsockname()[1]
        except OSError:
            pass
port, cli = free_port(), "root/usr/bin/redis-cli"
server = subprocess.Popen([cli.replace("cli", "server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--requirepass",
                           "secret"], env=environment, stdout=subprocess.DEVNULL)
def run(*command):
    answer = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            text=True, timeout=60).stdout.strip()
    return "refused" if answer.startswith("NOAUTH") else answer
clients = {"redis-cli 7.0.15": (cli, "--no-auth-warning", "-u", "URL", "get", "place"),
           "ioredis 6.0.0": ("node", "with-ioredis.js", "URL"), "npm's redis 6.3.1": ("node", "with-redis.js", "URL"),
           "python3-redis 4.3.4": ("/usr/bin/python3", "-W", "ignore", "with_python.py", "URL")}
right, wrong, none = "database 2", "database 0", "refused"
expected = {"default:secret@HERE/2": [right] * 4, ":secret@HERE/2": [none, right, right, right],
            "secret@HERE/2": [right, none, none, none], "default:secret@HERE?db=2": [wrong, right, wrong, right]}
changed = False
try:
    for _ in range(300):
        if run(cli, "-p", str(port), "-a", "secret", "ping") == "PONG":
            break
        time.sleep(0.1)
    for number in "02":
        run(cli, "-p", str(port), "-a", "secret", "-n", number, "set", "place", f"database {number}")
    for url, answers in expected.items():
        whole = "redis://" + url.replace("HERE", f"127.0.0.1:{port}")
        seen = [run(*(word.replace("URL", whole) for word in command)) for command in clients.values()]
        print(f"redis://{url}: " + ", ".join(f"{c}: {s}" for c, s in zip(clients, seen)), flush=True)
        changed |= seen != answers
finally:
    server.kill()
    server.wait()
sys.exit("this has changed" if changed else 0)
PY
timeout 100 /usr/bin/python3 run.py

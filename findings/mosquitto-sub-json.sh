#!/usr/bin/env bash
# mosquitto_sub prints messages as lines of JSON for scripts: -F %j with the payload as "a quoted and escaped" string, -F %J
# with a payload that is itself JSON.
# Guess: every line is JSON with all of the payload, or there is an error, as for a %J whose payload is none.
# Seen: with %j a payload ends at its first NUL byte, beside a payloadlen that is right, and bytes that are not UTF-8 go out as
# they are, so that the line is no JSON. With %J numbers are written anew from doubles: 9007199254740993 comes as
# 9.00719925474099e+15, the largest safe integer one too small, and 1e400 as null. %x, hexadecimal, is the form that keeps all.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download mosquitto=2.0.11-1.2+deb12u2 mosquitto-clients=2.0.11-1.2+deb12u2 \
    libmosquitto1=2.0.11-1.2+deb12u2 libcjson1=1.7.15-1+deb12u4 libdlt2 libwebsockets17 libev4 libuv1 libwrap0 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export LD_LIBRARY_PATH
cat >run.py <<'PY'
import json, random, socket, subprocess, sys, time
def free_port():
    while True:  # below the ports that the kernel hands out
        try:
            with socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as s:
                return s.getsockname()[1]
        except OSError:
            pass
port = free_port()
broker = subprocess.Popen(["root/usr/sbin/mosquitto", "-p", str(port)], stderr=subprocess.DEVNULL)
def tool(name, *words, **options):
    return subprocess.run([f"root/usr/bin/mosquitto_{name}", "-p", str(port), "-t", "state", *words], timeout=20, **options)
def printed(form, payload):  # a retained message, so that it does not matter who comes first
    tool("pub", "-r", "-s", input=payload, check=True)
    line = tool("sub", "-C", "1", "-F", form, stdout=subprocess.PIPE, check=True).stdout
    try:
        said = json.loads(line) if form in ("%j", "%J") else line.decode().strip()
    except ValueError:
        return "no JSON"
    return (said["payloadlen"], said["payload"]) if form in ("%j", "%J") else said
expected = [("%j", b'a "b"\n', (6, 'a "b"\n')), ("%j", b"a\0b", (3, "a")), ("%j", b"\xff\xfe", "no JSON"),
            ("%J", b"[9007199254740991, 9007199254740993]", (36, [9007199254740990, 9007199254740990.0])),
            ("%J", b"1e400", (5, None)), ("%x", b"a\0\xff", "6100ff")]
try:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    changed = False
    for form, payload, wanted in expected:
        seen = printed(form, payload)
        print(f"{form} of {payload}: {seen}")
        changed |= seen != wanted
finally:
    broker.kill()
    broker.wait()
sys.exit("this has changed" if changed else 0)
PY
timeout 60 /usr/bin/python3 run.py

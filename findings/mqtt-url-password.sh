#!/usr/bin/env bash
# A user and a password for an MQTT broker in one URL, mqtt://pump%2307:a%3Ab@broker/state, the password with a colon, which
# RFC 3986 lets stand as it is or escaped behind the first one.
# Guess: mosquitto_sub -L and mqtt.js both send pump#07 and a:b, since a URL that works with one is handed to the other.
# Seen: mosquitto_sub undoes no escapes, in the topic neither, and finds no host in brackets, [::1]. mqtt.js undoes them and
# splits at the *last* colon then: the user is pump#07:a, the password b, escaped or not, so no colon can be in a password.
# "pump:@" is the user "pump:". A URL for both has letters and digits only.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download mosquitto-clients=2.0.11-1.2+deb12u2 libmosquitto1=2.0.11-1.2+deb12u2 \
    libcjson1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock mqtt@5.16.0
cat >connect.js <<'JS'
const client = require('mqtt').connect(process.argv[2], { reconnectPeriod: 0 })
client.on('error', () => process.exit())
client.on('close', () => process.exit())
JS
cat >run.py <<'PY'
import glob, os, socket, subprocess, sys
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(os.getcwd() + "/root/usr/lib/*-linux-gnu*")[0]}
def packet(c):  # of the client's, all shorter than 128 bytes
    head = c.recv(2, socket.MSG_WAITALL)
    return c.recv(head[1], socket.MSG_WAITALL)
def text(data, at):
    end = at + 2 + int.from_bytes(data[at:at + 2], "big")
    return data[at + 2:end].decode(), end
def sent(command, host, url):
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as s:
        s.settimeout(0.2)
        client = subprocess.Popen([*command, url.replace("PORT", str(s.getsockname()[1]))], env=environment,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        c = None
        while c is None:
            try:
                c = s.accept()[0]
            except TimeoutError:
                if client.poll() is not None:
                    return "no connection"
        with c:
            c.settimeout(20)
            connect = packet(c)
            flags, at, words = connect[7], text(connect, 10)[1], []
            for name, bit in (("user", 0x80), ("password", 0x40)):
                if flags & bit:
                    value, at = text(connect, at)
                    words.append(f"{name} {value}")
            if command[0] != "node":
                c.sendall(b"\x20\2\0\0")
                words.append("topic " + text(packet(c), 2)[0])
        client.kill()
        client.wait()
    return ", ".join(words)
here = "127.0.0.1"
cases = {"mqtt://pump:secret@127.0.0.1:PORT/state": (here, "user pump, password secret"),
         "mqtt://pump%2307:a%3Ab@127.0.0.1:PORT/a%20b": (here, "user pump#07:a, password b"),
         "mqtt://pump:a:b@127.0.0.1:PORT/state": (here, "user pump:a, password b"),
         "mqtt://pump:@127.0.0.1:PORT/state": (here, "user pump:"),
         "mqtt://pump:secret@[::1]:PORT/state": ("::1", "user pump, password secret")}
mosquitto = ["user pump, password secret, topic state", "user pump%2307, password a%3Ab, topic a%20b",
             "user pump, password a:b, topic state", "user pump, password , topic state", "no connection"]
changed = False
for (url, (host, mqttjs)), expected in zip(cases.items(), mosquitto):
    seen = sent(["root/usr/bin/mosquitto_sub", "-L"], host, url), sent(["node", "connect.js"], host, url)
    print(f"{url}: mosquitto_sub 2.0.11: {seen[0]}; mqtt.js 5.16.0: {seen[1]}", flush=True)
    changed |= seen != (expected, mqttjs)
sys.exit("this has changed" if changed else 0)
PY
timeout 100 /usr/bin/python3 run.py

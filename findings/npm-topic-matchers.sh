#!/usr/bin/env bash
# mqtt-pattern and mqtt-match, the npm packages that programs route incoming MQTT messages with.
# Guess: they agree with a broker on what a topic filter matches (MQTT 3.1.1, 4.7).
# Seen: both let "#" and "+/..." match topics that begin with "$", which 4.7.2 forbids and no broker does, so
# that a handler for everything also gets $SYS and $aws; and for mqtt-pattern "+" matches no empty level, so
# that messages for "a/" or "/b" which the broker did deliver reach no handler. libmosquitto and paho agree with
# the standard.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download python3-paho-mqtt=1.6.1-1 libmosquitto1=2.0.11-1.2+deb12u2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock mqtt-pattern@2.1.1 mqtt-match@3.0.0
cat >cases.json <<'J'
[["#", "$SYS/x", false], ["+/x", "$SYS/x", false], ["$SYS/#", "$SYS/x", true], ["a/+", "a/", true],
 ["+/b", "/b", true], ["a/+/c", "a//c", true], ["a/#", "a", true], ["a/+/#", "a", false]]
J
cat >match.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
const pattern = require('mqtt-pattern'), loaded = require('mqtt-match'), match = loaded.default ?? loaded
const answers = JSON.parse(readFileSync('cases.json')).map(([f, t]) => [pattern.matches(f, t), match(f, t)])
console.log(JSON.stringify(answers))
JS
cat >run.py <<'PY'
import ctypes, json, subprocess, sys
from paho.mqtt.client import topic_matches_sub
library = ctypes.CDLL(sys.argv[1])
def mosquitto(topic_filter, topic):
    result = ctypes.c_bool()
    assert library.mosquitto_topic_matches_sub(topic_filter.encode(), topic.encode(), ctypes.byref(result)) == 0
    return result.value
node = json.loads(subprocess.run(["node", "match.mjs"], capture_output=True, check=True, timeout=60).stdout)
wrong = {"mqtt-pattern": [], "mqtt-match": [], "libmosquitto": [], "paho": []}
for (f, t, right), answers in zip(json.load(open("cases.json")), node):
    for name, answer in zip(wrong, [*answers, mosquitto(f, t), topic_matches_sub(f, t)]):
        if answer != right:
            wrong[name].append(f"{f} {t}")
for name, cases in wrong.items():
    print(f"{name}: wrong about {cases or 'none'}")
dollar, empty = ["# $SYS/x", "+/x $SYS/x"], ["a/+ a/", "+/b /b", "a/+/c a//c"]
sys.exit(0 if list(wrong.values()) == [dollar + empty, dollar, [], []] else "this has changed")
PY
PYTHONPATH=$t/root/usr/lib/python3/dist-packages \
    /usr/bin/python3 run.py "$(echo "$t"/root/usr/lib/*/libmosquitto.so.1)"

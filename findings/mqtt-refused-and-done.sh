#!/usr/bin/env bash
# A broker's access list forbids a device a topic, and the broker says so: in MQTT 5 the acknowledgement of a message of QoS 1
# or 2 has a code, here 0x87, "not authorized".
# Guess: mosquitto_pub ends with an exit code other than 0, and libraries hand the refusal to the program.
# Seen: mosquitto_pub says it on stderr and ends with 0, so that a script which asks "did it go out" is told yes. paho
# calls on_publish and says is_published(), rc 0, for the refused message, and has the code nowhere; its helper
# publish.single() returns as if all was well. mqtt.js gives an error.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download mosquitto=2.0.11-1.2+deb12u2 mosquitto-clients=2.0.11-1.2+deb12u2 \
    libmosquitto1=2.0.11-1.2+deb12u2 libcjson1 python3-paho-mqtt=1.6.1-1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock mqtt@5.16.0
lib=$t/root/usr/lib/$(gcc -print-multiarch)
port=$(python3 -c '
import random, socket
while True:  # below the ports that the kernel hands out
    try:
        with socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as s:
            print(s.getsockname()[1])
            break
    except OSError:
        pass')
echo 'topic readwrite allowed' >access
chmod 600 access
printf 'listener %s 127.0.0.1\nallow_anonymous true\nacl_file %s/access\nuser root\n' "$port" "$t" >mosquitto.conf
root/usr/sbin/mosquitto -c mosquitto.conf >mosquitto.log 2>&1 &
for _ in $(seq 100); do (: <>/dev/tcp/127.0.0.1/"$port") 2>/dev/null && break; sleep 0.1; done
cat >with_paho.py <<'PY'
import sys, threading
from paho.mqtt import client as mqtt
port, topic, qos = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
there = threading.Event()
client = mqtt.Client(protocol=mqtt.MQTTv5)
client.on_connect = lambda *_: there.set()
client.connect("127.0.0.1", port)
client.loop_start()
there.wait(20)
sent = client.publish(topic, "x", qos=qos)
sent.wait_for_publish(20)
print("done" if sent.is_published() and sent.rc == 0 else "refused")
PY
cat >with_paho_single.py <<'PY'
import sys
from paho.mqtt import client, publish
publish.single(sys.argv[2], "x", qos=int(sys.argv[3]), hostname="127.0.0.1", port=int(sys.argv[1]), protocol=client.MQTTv5)
print("done")
PY
cat >with-mqtt.js <<'JS'
const [port, topic, qos] = process.argv.slice(2)
const client = require('mqtt').connect({ host: '127.0.0.1', port, protocolVersion: 5 })
const done = error => { console.log(error ? 'refused' : 'done'); process.exit() }
client.on('connect', () => client.publish(topic, 'x', { qos: Number(qos) }, done))
JS
export PYTHONPATH="$t/root/usr/lib/python3/dist-packages"
with_mosquitto_pub() { # TOPIC, QOS
    LD_LIBRARY_PATH="$lib" root/usr/bin/mosquitto_pub -V 5 -p "$port" -q "$2" -t "$1" -m x 2>>said && echo done || echo refused
}
with_paho() { /usr/bin/python3 with_paho.py "$port" "$@"; }
with_paho_single() { /usr/bin/python3 with_paho_single.py "$port" "$@" || echo refused; }
with_mqtt_js() { node with-mqtt.js "$port" "$@"; }
changed=no
try() { # CLIENT, EXPECTED
    local seen
    seen="$(with_"$1" allowed 1) $(with_"$1" allowed 2) $(with_"$1" forbidden 1) $(with_"$1" forbidden 2)"
    echo "$1, allowed with QoS 1 and 2, forbidden with QoS 1 and 2: $seen"
    [ "$seen" = "done done $2 $2" ] || changed=yes
}
try mosquitto_pub done
try paho done
try paho_single done
try mqtt_js refused
echo "mosquitto_pub said: $(sort -u said)"
[ "$(grep -c 'Not authorized' said)" = 2 ] || changed=yes
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

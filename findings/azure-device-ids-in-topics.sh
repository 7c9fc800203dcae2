#!/usr/bin/env bash
# IoT Hub's registry takes device ids with + and # (its reference lists - : . + % _ # * ? ! ( ) , = @ $ ').
# Guess: the device SDK writes such an id percent-encoded where it stands in an MQTT topic, as it does with
# message properties in the same topic.
# Seen: it puts the id there as it is: it connects and calls that "open", then publishes to
# "devices/plant+7/messages/events/", which MQTT forbids, the broker ends the connection, the SDK connects
# again, and so on, while sendEvent neither succeeds nor fails. A hub that sets ids itself avoids + and #.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download mosquitto=2.0.11-1.2+deb12u2 >/dev/null
dpkg-deb -x ./*.deb root
npm install --silent --no-audit --no-fund --no-package-lock azure-iot-device@1.18.4 azure-iot-device-mqtt@1.16.4
port=$(python3 -c '
import random, socket
while True:  # below the ports that the kernel hands out
    try:
        print(socket.create_server(("127.0.0.1", random.randrange(20000, 32000))).getsockname()[1])
        break
    except OSError:
        pass')
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 9 \
    -keyout key.pem -out certificate.pem 2>/dev/null
printf '%s\n' "listener $port 127.0.0.1" 'certfile certificate.pem' 'keyfile key.pem' 'allow_anonymous true' \
    'user root' 'log_type all' >mosquitto.conf
root/usr/sbin/mosquitto -c mosquitto.conf >mosquitto.log 2>&1 &
cat >device.js <<'JS'
const { Client, Message } = require('azure-iot-device'), { Mqtt } = require('azure-iot-device-mqtt')
const [, , id, port] = process.argv
const client = Client.fromConnectionString(`HostName=localhost:${port};DeviceId=${id};SharedAccessKey=YWJj`, Mqtt)
const said = []
const end = () => { console.log(said.join(', ')); process.exit() }
client.open(e => {
    said.push(e ? 'not open' : 'open')
    client.sendEvent(new Message('hello'), e => { said.push(e ? 'failed' : 'sent'); end() })
})
setTimeout(end, 5000)
JS
changed=no
try() { # DEVICE-ID EXPECTED
    local seen connects errors
    : >mosquitto.log
    seen=$(NODE_EXTRA_CA_CERTS=certificate.pem node device.js "$1" "$port" 2>/dev/null)
    connects=$(grep -c 'New client connected' mosquitto.log || true)
    errors=$(grep -c 'disconnected due to protocol error' mosquitto.log || true)
    echo "$1: $seen; $connects connections, $errors ended by the broker for a protocol error"
    [ "$seen $((errors > 1))" = "$2" ] || changed=yes
}
try plant7 "open, sent 0"
try 'plant(7)' "open, sent 0"
try plant+7 "open 1"
try 'plant#7' "open 1"
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

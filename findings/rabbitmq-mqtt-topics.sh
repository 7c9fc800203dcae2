#!/usr/bin/env bash
# RabbitMQ as an MQTT 3.1.1 broker (its rabbitmq_mqtt plugin).
# Guess: a topic arrives as it was sent; QoS 2 is lowered in the SUBACK or acknowledged as the standard says; "#" leaves
# out topics that begin with "$"; a new subscriber gets the retained message, by wildcard as well.
# Seen: none of it. A dot is a slash: "v1.0/state" is delivered as "v1/0/state", to "v1/+/state" and not to "+/state". A
# PUBLISH of QoS 2 is answered with PUBACK, which mosquitto_pub calls a protocol error. "#" gets "$", and retained
# messages come for exact filters only.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
erlang=1:25.2.3+dfsg-1+deb12u4
modules=()
for m in base asn1 crypto eldap ftp inets mnesia os-mon parsetools public-key runtime-tools snmp ssl syntax-tools tftp \
    tools xmerl; do modules+=("erlang-$m=$erlang"); done
apt-get -q -o APT::Sandbox::User=root download rabbitmq-server=3.10.8-1.1+deb12u1 "${modules[@]}" \
    mosquitto-clients=2.0.11-1.2+deb12u2 libmosquitto1=2.0.11-1.2+deb12u2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
export HOME="$t" ERL_ROOTDIR="$t/root/usr/lib/erlang"
sed -i "s#ROOTDIR=/usr/lib/erlang#ROOTDIR=$ERL_ROOTDIR#" "$ERL_ROOTDIR/bin/erl"
export PATH="$ERL_ROOTDIR/bin:$PATH"
read -r port ERL_EPMD_PORT RABBITMQ_DIST_PORT < <(python3 - <<'PY'
import random, socket
held = []
while len(held) < 3:  # below the ports that the kernel hands out
    try:
        held.append(socket.create_server(("127.0.0.1", random.randrange(20000, 32000))))
    except OSError:
        pass
print(*[s.getsockname()[1] for s in held])
PY
)
export ERL_EPMD_PORT RABBITMQ_DIST_PORT ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_NODENAME=example@localhost \
    RABBITMQ_MNESIA_BASE="$t/mnesia" RABBITMQ_LOG_BASE="$t/log" RABBITMQ_CONFIG_FILE="$t/rabbit.conf" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$t/plugins" RABBITMQ_CONF_ENV_FILE="$t/none" \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}"
echo '[rabbitmq_mqtt].' >plugins
printf 'listeners.tcp = none\nmqtt.listeners.tcp.1 = 127.0.0.1:%s\nmqtt.allow_anonymous = true\n' "$port" >rabbit.conf
"$ERL_ROOTDIR"/erts-*/bin/epmd &
sleep 1
root/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server >rabbit.log 2>&1 &
cat >run.py <<'PY'
import glob, os, socket, subprocess, sys, time
port = int(sys.argv[1])
def text(s):
    return len(s).to_bytes(2, "big") + s
def packet(first, body):
    return bytes([first, len(body)]) + body
def dial(client):
    for _ in range(700):
        try:
            c = socket.create_connection(("127.0.0.1", port), 10)
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    c.sendall(packet(0x10, text(b"MQTT") + b"\4\2\0\x3c" + text(client)))
    read(c)
    return c
def read(c):
    head = c.recv(2, socket.MSG_WAITALL)
    return head + c.recv(head[1], socket.MSG_WAITALL)
def subscribe(c, topic_filter):
    c.sendall(packet(0x82, b"\0\1" + text(topic_filter) + b"\0"))
    read(c)
def publish(c, topic, payload=b"x", qos=1, retain=0):
    c.sendall(packet(0x30 | qos << 1 | retain, text(topic) + (b"\0\7" if qos else b"") + payload))
    return read(c)[0] >> 4
def topics(c):
    """Of what has come, up to the answer to a ping."""
    c.sendall(b"\xc0\0")
    found = []
    while (p := read(c))[0] != 0xd0:
        found.append(p[4:4 + int.from_bytes(p[2:4], "big")].decode())
    return found
def delivered(topic_filter, topic):
    with dial(b"receiver") as receiver, dial(b"sender") as sender:
        subscribe(receiver, topic_filter)
        publish(sender, topic)
        time.sleep(0.5)
        return topics(receiver)
def retained(topic_filter):
    with dial(b"receiver") as receiver:
        subscribe(receiver, topic_filter)
        time.sleep(0.5)
        return topics(receiver)
with dial(b"sender") as sender:
    publish(sender, b"kept/a", retain=1)
    answer = {4: "PUBACK", 5: "PUBREC"}[publish(sender, b"two", qos=2)]
library = os.path.dirname(glob.glob("root/usr/lib/*/libmosquitto.so.1")[0])
r = subprocess.run(["root/usr/bin/mosquitto_pub", "-p", str(port), "-t", "two", "-m", "x", "-q", "2"], capture_output=True,
                   text=True, timeout=20, env=os.environ | {"LD_LIBRARY_PATH": library})
seen = {"v1.0/state under #": delivered(b"#", b"v1.0/state"), "v1.0/state under v1/+/state": delivered(b"v1/+/state", b"v1.0/state"),
        "v1.0/state under +/state": delivered(b"+/state", b"v1.0/state"), "$x/y under #": delivered(b"#", b"$x/y"),
        "kept/a under kept/a": retained(b"kept/a"), "kept/a under kept/#": retained(b"kept/#"),
        "QoS 2 is answered with": answer, "mosquitto_pub -q 2 ends with": (r.returncode, r.stderr.strip())}
for what, got in seen.items():
    print(f"{what}: {got}")
sys.exit(0 if list(seen.values()) == [
    ["v1/0/state"], ["v1/0/state"], [], ["$x/y"], ["kept/a"], [], "PUBACK",
    (2, "Error: A network protocol error occurred when communicating with the broker.")] else "this has changed")
PY
timeout 90 /usr/bin/python3 run.py "$port"

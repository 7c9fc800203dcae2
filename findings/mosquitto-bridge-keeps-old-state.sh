#!/usr/bin/env bash
# Devices keep their state as retained messages in a broker. A mosquitto beside it subscribes to them with a bridge, in MQTT 3.1.1,
# where a bridge has no place in the standard: so with "try_private false", which a broker of another make may need.
# Guess: the bridge copies the state, and each change of it, or it copies no retained messages at all.
# Seen: it copies the retained messages that are there when it connects and keeps them for good: what changes or is deleted
# later comes as a plain message, so that new subscribers get a state that is long past, flagged as the last one. It is so
# with aedes and with another mosquitto; with "try_private true", or with MQTT 5, changes are kept.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download mosquitto=2.0.11-1.2+deb12u2 mosquitto-clients=2.0.11-1.2+deb12u2 \
    libmosquitto1=2.0.11-1.2+deb12u2 libdlt2 libwebsockets17 libev4 libuv1 libcjson1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock aedes@1.2.0
cat >aedes.mjs <<'JS'
import { createServer } from 'node:net'
import { Aedes } from 'aedes'
const broker = await Aedes.createBroker()
createServer(broker.handle).listen(process.argv[2], '127.0.0.1')
JS
cat >run.py <<'PY'
import glob, os, random, socket, subprocess, sys, time
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(os.getcwd() + "/root/usr/lib/*-linux-gnu*")[0]}
running = []
def free_port():
    while True:  # below the ports that the kernel hands out
        try:
            with socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as s:
                return s.getsockname()[1]
        except OSError:
            pass
def start(port, *command):
    running.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return port
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit("no broker")
def mosquitto(*bridge):
    port = free_port()
    with open(f"{port}.conf", "w") as f:
        f.write("\n".join(["user root", "allow_anonymous true", f"listener {port} 127.0.0.1", *bridge]) + "\n")
    return start(port, "root/usr/sbin/mosquitto", "-c", f"{port}.conf")
def publish(port, device, *message):
    subprocess.run(["root/usr/bin/mosquitto_pub", "-p", str(port), "-t", f"state/{device}", "-r", "-q", "1", *message],
                   env=environment, check=True, timeout=20)
def subscribe(port, *options):
    return subprocess.Popen(["root/usr/bin/mosquitto_sub", "-p", str(port), "-t", "state/#", "-q", "1", *options],
                            env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
def retained(port):
    lines = subscribe(port, "-W", "1", "-F", "%t=%p").communicate(timeout=20)[0].splitlines()
    return ", ".join(sorted(line.removeprefix("state/") for line in lines))
def until_retained(port, wanted):
    for _ in range(20):
        if retained(port) == wanted:
            return
    sys.exit(f"{wanted} has not come")
def bridged(remote, *options):
    publish(remote, "pump-07", "-m", "on")
    publish(remote, "pump-08", "-m", "on")
    until_retained(remote, "pump-07=on, pump-08=on")
    local = mosquitto("connection b", f"address 127.0.0.1:{remote}", "notifications false", "topic state/# in 1", *options)
    until_retained(local, "pump-07=on, pump-08=on")
    watcher = subscribe(local, "-C", "4", "-W", "30")
    watcher.stdout.readline(), watcher.stdout.readline()
    publish(remote, "pump-07", "-m", "off")
    publish(remote, "pump-08", "-n")
    watcher.communicate(timeout=60)
    if watcher.returncode != 0:
        sys.exit("the changes have not come")
    return retained(remote), retained(local)
try:
    seen = {}
    for name, options in (("MQTT 3.1.1, try_private true", ["bridge_protocol_version mqttv311", "try_private true"]),
                          ("MQTT 5", ["bridge_protocol_version mqttv50", "try_private false"]),
                          ("MQTT 3.1.1, try_private false", ["bridge_protocol_version mqttv311", "try_private false"])):
        seen[f"mosquitto 2.0.11, {name}"] = bridged(mosquitto(), *options)
    port = free_port()
    seen[f"aedes 1.2.0, {name}"] = bridged(start(port, "node", "aedes.mjs", str(port)), *options)
finally:
    for p in running:
        p.kill()
        p.wait()
for name, (remote, local) in seen.items():
    print(f"{name}: there {remote}; here {local}")
old = ("pump-07=off", "pump-07=on, pump-08=on")
sys.exit(0 if list(seen.values()) == [("pump-07=off", "pump-07=off")] * 2 + [old] * 2 else "this has changed")
PY
timeout 120 /usr/bin/python3 run.py

#!/usr/bin/env bash
# A Redis cluster behind a tunnel or a balancer, where the nodes' own addresses mean nothing to clients. For that Redis 7 has
# "cluster-preferred-endpoint-type unknown-endpoint": redirections name a port and no host, "MOVED 12182 :6380", and the
# client takes the host that it asked (redis.conf, and the documentation of CLUSTER SLOTS).
# Guess: the clients that know Redis 7 follow it, redis-cli of the same version above all.
# Seen: none does. redis-cli looks up the name "", ioredis finds no node. python3-redis and npm's redis dial their own
# machine's loopback address instead, so that it works wherever it is tried with everything on one machine.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 \
    libjemalloc2 liblua5.1-0 liblzf1 lua-bitop lua-cjson libhiredis0.14 libatomic1 python3-redis=4.3.4-3 python3-async-timeout \
    python3-deprecated python3-wrapt python3-packaging >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock redis@6.3.1 ioredis@6.0.0
host=127.0.0.2 # on the loopback interface, and not where "no host" leads
ports=($(python3 -c '
import random, socket
ports = []
while len(ports) < 4:  # below the ports that the kernel hands out
    try:
        with socket.create_server(("127.0.0.2", random.randrange(20000, 32000))) as s:
            ports.append(s.getsockname()[1])
    except OSError:
        pass
print(*ports)'))
lib=$t/root/usr/lib/$(gcc -print-multiarch)
cli() { LD_LIBRARY_PATH="$lib" root/usr/bin/redis-cli -h $host "$@"; }
for i in 0 1; do
    mkdir node$i
    LD_LIBRARY_PATH="$lib" root/usr/bin/redis-server --bind $host --port "${ports[i]}" --cluster-port "${ports[i + 2]}" \
        --cluster-enabled yes --cluster-announce-ip $host --cluster-node-timeout 5000 \
        --dir "$t/node$i" --save '' >redis$i.log &
done
for i in 0 1; do
    for _ in $(seq 100); do cli -p "${ports[i]}" ping >/dev/null 2>&1 && break; sleep 0.1; done
done
cli -p "${ports[0]}" cluster addslotsrange 0 8191 >/dev/null
cli -p "${ports[1]}" cluster addslotsrange 8192 16383 >/dev/null
cli -p "${ports[1]}" cluster set-config-epoch 2 >/dev/null
for i in 0 1; do
    cli -p "${ports[i]}" cluster meet $host "${ports[1 - i]}" "${ports[3 - i]}" >/dev/null
done
for i in 0 1; do
    for _ in $(seq 300); do cli -p "${ports[i]}" cluster info | grep -q state:ok && break; sleep 0.1; done
done
cat >with_python.py <<'PY'
import sys, redis
cluster = redis.RedisCluster(host=sys.argv[1], port=int(sys.argv[2]))
print(cluster.set("foo", 1) and cluster.set("bar", 1) and "OK")
PY
cat >client.js <<'JS'
const [, , name, host, port] = process.argv
async function cluster() {
    if (name === 'ioredis') return new (require('ioredis').Cluster)([{ host, port }], { clusterRetryStrategy: null })
    const options = { rootNodes: [{ socket: { host, port } }], defaults: { socket: { reconnectStrategy: false } } }
    return require('redis').createCluster(options).on('error', () => {}).connect()
}
async function run() {
    const c = await cluster()
    c.on('error', () => {})
    return await c.set('foo', 1) && await c.set('bar', 1)
}
run().then(console.log, e => console.log(e.message)).finally(() => process.exit())
JS
with_redis_cli() { cli -c -p "$1" set foo 1 && cli -c -p "$1" set bar 1; }
with_python3_redis() { PYTHONPATH="$t/root/usr/lib/python3/dist-packages" /usr/bin/python3 -W ignore with_python.py $host "$1"; }
with_redis() { node client.js redis $host "$1"; }
with_ioredis() { node client.js ioredis $host "$1"; }
changed=no
for kind in ip unknown-endpoint; do
    for i in 0 1; do cli -p "${ports[i]}" config set cluster-preferred-endpoint-type $kind >/dev/null; done
    echo "$kind: $(cli -p "${ports[0]}" get foo | sed "s/${ports[1]}/PORT/")"
    [ $kind = ip ] && expected=yes || expected=no
    for client in redis_cli python3_redis redis ioredis; do
        seen=yes
        said=$(timeout 60 bash -c "$(declare -f cli with_$client); lib='$lib' t='$t' host=$host; with_$client ${ports[0]}" 2>&1) || seen=no
        [ "$(tail -1 <<<"$said")" = OK ] || seen=no
        echo "  $client: $seen"
        [ $seen = $expected ] || changed=yes
    done
done
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

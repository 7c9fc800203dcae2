# Redis, and the names of one node, which is this machine.
echo '127.0.0.1 redis.internal hub-1.internal hub-1.example' >>/etc/hosts
(umask 077 && openssl rand -hex 20 >redis.password && cp keys.ini keys)
redis-server --bind 127.0.0.1 --appendonly yes --dir /tmp --requirepass "$(cat redis.password)" --daemonize yes >/dev/null
# second_node URL: whether another node starts with that Redis.
second_node() {
    tunnel-hub --listen 127.0.0.1:8444 --cert hub.pem --key hub.key --keys keys --state second --cluster "$1" \
        --node hub-2 --cluster-listen hub-1.internal:9444 --cluster-cert hub-1.pem --cluster-key hub-1.key \
        --cluster-ca cluster-ca.pem --ops-listen off --control off >second.log 2>&1 &
    until grep -q 'Listening on' second.log || ! kill -0 $!; do sleep 0.05; done
    kill $!
    wait $!
    grep 'Listening on' second.log || { cat second.log && false; }
}

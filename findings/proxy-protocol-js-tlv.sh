#!/usr/bin/env bash
# haproxy adds fields (TLVs) to the header of the PROXY protocol, version 2, when asked to, such as a checksum or a
# unique id. The header's length counts them; a receiver that knows none of them steps over them.
# Guess: npm's proxy-protocol-js gives them apart, or drops them; what it calls `data` is what the client sent.
# Seen: proxy-protocol-js 4.0.6 takes the addresses and calls everything behind them data, so that with haproxy
# 2.6.12's checksum the client's "GET /" begins with the seven bytes of that field. Without fields it is right.
set -euo pipefail
t=$(mktemp -d)
haproxy=
trap '[ -z "$haproxy" ] || kill "$haproxy" 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download haproxy=2.6.12-1+deb12u4 liblua5.3-0 libopentracing-c-wrapper0 \
    libopentracing1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock proxy-protocol-js@4.0.6
read -r front_plain front_field back < <(python3 - <<'PY'
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*[s.getsockname()[1] for s in sockets])
PY
)
cat >haproxy.cfg <<CFG
defaults
    mode tcp
    timeout connect 5s
    timeout client 20s
    timeout server 20s
listen plain
    bind 127.0.0.1:$front_plain
    server s 127.0.0.1:$back send-proxy-v2
listen field
    bind 127.0.0.1:$front_field
    server s 127.0.0.1:$back send-proxy-v2 proxy-v2-options crc32c
CFG
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export LD_LIBRARY_PATH
root/usr/sbin/haproxy -f haproxy.cfg -db >haproxy.log 2>&1 &
haproxy=$!
cat >try.cjs <<'JS'
const net = require('net')
const { V2ProxyProtocol } = require('proxy-protocol-js')
const [plain, field, back] = process.argv.slice(2).map(Number)
let told
net.createServer(c => {
    let all = Buffer.alloc(0)
    c.on('error', () => {})
    c.on('data', d => {
        all = Buffer.concat([all, d])
        if (all.includes('GET /')) told(Buffer.from(V2ProxyProtocol.parse(new Uint8Array(all)).data))
    })
}).listen(back, '127.0.0.1')
const ask = async port => {
    for (let i = 0; i < 100; i++) {
        const answer = new Promise(r => { told = r })
        const c = net.connect(port, '127.0.0.1')
        const ok = await new Promise(r => { c.on('connect', () => r(true)); c.on('error', () => r(false)) })
        if (ok) {
            c.write('GET /')
            const data = await answer
            c.destroy()
            return data
        }
        await new Promise(r => setTimeout(r, 100))
    }
    throw new Error('haproxy is not there')
}
;(async () => {
    const without = await ask(plain), withField = await ask(field)
    console.log(`without fields: ${JSON.stringify(without.toString('latin1'))}`)
    console.log(`with a checksum: ${withField.length - 5} bytes, of kind ${withField[0]}, before "${withField.subarray(-5)}"`)
    process.exit(without.toString() === 'GET /' && withField.length === 12 && withField[0] === 3 ? 0 : 1)
})()
JS
timeout 60 node try.cjs "$front_plain" "$front_field" "$back"

#!/usr/bin/env bash
# A device without a clock of its own asks an NTP server on the local network for the time, to judge certificates. The
# server (a gateway with chrony) has no source yet and says so: leap indicator 3, stratum 0. Or it is 8 January 2037,
# when the 32 bits of seconds have begun anew (7 February 2036; RFC 4330, section 3: without the highest bit, count
# from 2036).
# Guess: a client gives no time in the first case, and the right one in the second.
# Seen: ntp-client 0.5.3, ntp-time 2.1.1 and sntp 3.0.2 take the time of a chronyd 4.3 that is not synchronised.
# ntp-client hides how good it is; ntp-time says stratum 2 of what came as 0; sntp says "alarm" and "death", and still
# isValid. In 2037 all three are in 1900, without an error.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock ntp-client@0.5.3 ntp-time@2.1.1 sntp@3.0.2
apt-get -q -o APT::Sandbox::User=root download chrony=4.3-2+deb12u3 libedit2 libnettle8 libgnutls30 libseccomp2 libcap2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
LIBRARIES=$(echo "$t"/root/usr/lib/*-linux-gnu*):$(echo "$t"/root/lib/*-linux-gnu*)
port=$(python3 -c 'import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '%s\n' "port $port" 'cmdport 0' 'bindaddress 127.0.0.1' 'allow 127.0.0.0/8' "pidfile $t/pid" 'bindcmdaddress /' >chrony.conf
LD_LIBRARY_PATH=$LIBRARIES root/usr/sbin/chronyd -x -U -d -f "$t/chrony.conf" -u "$(id -un)" >chrony.log 2>&1 &
cat >try.cjs <<'JS'
const dgram = require('dgram')
const clients = {
    'ntp-client': port => new Promise(done => require('ntp-client').getNetworkTime('127.0.0.1', port, (error, date) =>
        done(error ? { error } : { date, says: '' }))),
    'ntp-time': async port => {
        const m = await new (require('ntp-time').Client)('127.0.0.1', port, { timeout: 3000 }).syncTime()
        return { date: m.time, says: `stratum ${m.stratum}` }
    },
    sntp: async port => {
        const m = await require('sntp').time({ host: '127.0.0.1', port, timeout: 3000 })
        return { date: new Date(m.receiveTimestamp), says: `${m.leapIndicator} ${m.stratum} ${m.isValid}` }
    }
}
const ask = (port, packet) => new Promise(done => {
    const s = dgram.createSocket('udp4')
    const again = setInterval(() => s.send(packet, port, '127.0.0.1', () => {}), 200)
    s.send(packet, port, '127.0.0.1', () => {})
    s.on('error', () => {})
    s.on('message', m => { clearInterval(again); s.close(); done(m) })
})
;(async () => {
    const chrony = Number(process.argv[2])
    const request = Buffer.alloc(48)
    request[0] = 0x23
    const first = await ask(chrony, request)
    console.log(`chronyd: leap indicator ${first[0] >> 6}, stratum ${first[1]}`)
    let ok = first[0] >> 6 === 3 && first[1] === 0
    const in2037 = dgram.createSocket('udp4')
    in2037.on('message', (m, from) => {
        const b = Buffer.alloc(48)
        b[0] = 0x24
        b[1] = 1
        m.copy(b, 24, 40, 48)
        for (const at of [16, 32, 40]) b.writeUInt32BE(Date.UTC(2037, 0, 8) / 1000 + 2208988800 - 2 ** 32, at)
        in2037.send(b, from.port, from.address)
    })
    await new Promise(done => in2037.bind(0, '127.0.0.1', done))
    const says = { 'ntp-client': '', 'ntp-time': 'stratum 2', sntp: 'alarm death true' }
    for (const [name, client] of Object.entries(clients)) {
        const a = await client(chrony), b = await client(in2037.address().port)
        const taken = a.date && Math.abs(a.date - Date.now()) < 60000
        console.log(`${name}: not synchronised: ${taken ? 'a time' : 'none'}, says "${a.says}"; in 2037: ${b.date?.toISOString()}`)
        ok &&= taken && a.says === says[name] && b.date.getUTCFullYear() === 1900
    }
    process.exit(ok ? 0 : 1)
})()
JS
timeout 40 node try.cjs "$port" 2>/dev/null

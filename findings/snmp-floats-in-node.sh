#!/usr/bin/env bash
# Any Linux device with snmpd tells its load as UCD-SNMP-MIB's laLoadFloat: a float of 32 bits in an Opaque, with a tag of two bytes of
# its own (net-snmp's way, also that of many a sensor); and a Counter64, such as the bytes of an interface, may be over 2^53.
# Guess: npm's libraries give the float as a number, as snmpget does, and a large counter exactly: BigInt, bytes or a text.
# Seen: net-snmp 3.29.2, which has the daemon's name, gives seven bytes for a float, 9f 78 04 and then the number; snmp-native 1.2.0 a
# text, "0x9f7804…", which parseFloat() takes for 0 without an error. A counter of 9007199254740993 is 9007199254740992 for snmp-native,
# whose valueHex is right, and bytes for net-snmp, without those that are zero in front, so that readBigUInt64BE() fails.
set -euo pipefail
t=$(mktemp -d)
snmpd=
trap '[ -z "$snmpd" ] || kill "$snmpd"; rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock net-snmp@3.29.2 snmp-native@1.2.0
apt-get -q -o APT::Sandbox::User=root download snmpd=5.9.3+dfsg-2+deb12u1 snmp=5.9.3+dfsg-2+deb12u1 \
    libsnmp40=5.9.3+dfsg-2+deb12u1 libsensors5 libpci3 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*):$(echo "$t"/root/lib/*-linux-gnu*)
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export LD_LIBRARY_PATH MIBS='' SNMP_PERSISTENT_DIR="$t/state"
cat >counter.sh <<'SH'
#!/bin/sh
[ "$1" = -g ] && printf '%s\ncounter64\n9007199254740993\n' "$2"
SH
chmod +x counter.sh
cat >snmpd.conf <<CONF
rocommunity public 127.0.0.1
pass .1.3.6.1.4.1.8072.9999.9 $t/counter.sh
CONF
"$t/root/usr/sbin/snmpd" -f -Lo -C -c snmpd.conf "udp:127.0.0.1:$port" >snmpd.log 2>&1 &
snmpd=$!
load=1.3.6.1.4.1.2021.10.1.6.1 counter=1.3.6.1.4.1.8072.9999.9.1
get() { root/usr/bin/snmpget -v2c -c public -t 1 -r 0 -On "127.0.0.1:$port" "$@" 2>&1; }
for _ in {1..50}; do
    ! told=$(get ".$load" ".$counter") || break
    sleep 0.2
done
echo "snmpget: $told"
[[ $told == *"Opaque: Float: "*"Counter64: 9007199254740993"* ]]
cat >try.cjs <<'JS'
const netSnmp = require('net-snmp'), native = require('snmp-native'), [port, load, counter] = process.argv.slice(2)
const session = netSnmp.createSession('127.0.0.1', 'public', { port: Number(port), version: netSnmp.Version2c })
session.get([load, counter], (error, values) => {
    if (error) throw error
    const [loadBytes, counterBytes] = values.map(({ value }) => value.toString('hex'))
    console.log(`net-snmp: ${loadBytes}, ${counterBytes}`)
    const other = new native.Session({ host: '127.0.0.1', port: Number(port), community: 'public' })
    other.getAll({ oids: [`.${load}`, `.${counter}`] }, (error, [ofLoad, ofCounter]) => {
        if (error) throw error
        console.log(`snmp-native: ${JSON.stringify(ofLoad.value)}, parsed ${parseFloat(ofLoad.value)}; ${ofCounter.value}, ${ofCounter.valueHex}`)
        const asSeen = /^9f7804.{8}$/.test(loadBytes) && counterBytes === '20000000000001' && /^0x9f7804.{8}$/.test(ofLoad.value) &&
            parseFloat(ofLoad.value) === 0 && ofCounter.value === 2 ** 53 && ofCounter.valueHex === '20000000000001'
        process.exit(asSeen ? 0 : 1)
    })
})
JS
timeout 20 node try.cjs "$port" "$load" "$counter"

#!/usr/bin/env bash
# A program in Node knows devices by their DHCP messages, or gives them addresses and routes. Options that it meets: a client
# identifier (61), which is bytes, of them the first the kind of hardware, 1 before a MAC address (RFC 2132, section 9.14); domains to
# search (119), in the form of DNS, one label after another (RFC 3397); routes (121), each a length of prefix, as many bytes of the
# network as that needs, and the router (RFC 3442).
# Guess: npm's dhcp, which has a name and a setting for each of these options, reads and writes them in their form.
# Seen: dhcp 0.2.20 reads a client identifier as a text that ends at the first 0: all MAC addresses of 52:54:00 are one client.
# Domains are read as a text with the lengths in it, of which the first is all that comes, and written as a text. A route to
# 198.51.100.0/24 over 192.0.2.1 is read as the addresses 24.198.51.100 and 192.0.2.1; written it has no length of prefix, and
# 198 stands in its place. python3-scapy 2.5.0 keeps the identifier's bytes.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock dhcp@0.2.20
apt-get -q -o APT::Sandbox::User=root download python3-scapy=2.5.0+dfsg-2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >with-npm.cjs <<'JS'
const { parse, format } = require('dhcp/lib/protocol.js')
const head = { op: 2, htype: 1, hlen: 6, hops: 0, xid: 1, secs: 0, flags: 0, ciaddr: '0.0.0.0', yiaddr: '192.0.2.9', siaddr: '192.0.2.1',
               giaddr: '0.0.0.0', chaddr: '52-54-00-12-34-56', sname: '', file: '' }
const write = options => {
    const bytes = format({ ...head, options })
    return Buffer.from(bytes._data.subarray(0, bytes._w)).toString('hex')
}
const before = write({}).slice(0, 480)
console.log(JSON.stringify({
    before,
    read: JSON.parse(process.argv[2]).map(options => parse(Buffer.from(before + options, 'hex')).options),
    written: [{ 119: 'eng.example,example' }, { 121: ['198.51.100.0', '192.0.2.1'] }].map(options => write(options).slice(480)),
}))
JS
cat >try.py <<'PY'
import json, logging, subprocess, sys
sys.path.insert(0, "root/usr/lib/python3/dist-packages")
logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.dhcp import BOOTP, DHCP
options = {"a client": "3501013d0701525400123456ff", "another client": "3501013d07015254008899aaff",
           "two domains": "350105771603656e67076578616d706c6500076578616d706c6500ff", "a route": "350105790818c63364c0000201ff"}
by_npm = json.loads(subprocess.run(["node", "with-npm.cjs", json.dumps([*options.values()])],
                                   check=True, stdout=subprocess.PIPE, text=True).stdout)
read = dict(zip(options, by_npm["read"]))
def by_scapy(digits):
    found = BOOTP(bytes.fromhex(by_npm["before"] + digits))[DHCP].options
    return dict(option[:2] for option in found if not isinstance(option, str))
for name, digits in options.items():
    print(f"{name}, {digits}: {json.dumps(read[name])}, by scapy {by_scapy(digits)}")
print("domains and route written:", *by_npm["written"])
sys.exit(not (by_scapy(options["a client"])["client_id"].hex() == "01525400123456" and
              read["a client"] == read["another client"] == {"53": 1, "61": "\x01RT"} and
              read["two domains"]["119"] == "\x03eng\x07example" and read["a route"]["121"] == ["24.198.51.100", "192.0.2.1"] and
              by_npm["written"] == ["7713" + b"eng.example,example".hex() + "ff", "7908c6336400c0000201ff"]))
PY
timeout 100 /usr/bin/python3 try.py

#!/usr/bin/env bash
# Devices announce themselves in the local network by DNS-SD, each with a name for people, which is one label and may have any
# characters, dots too: "Pump 1.2" (RFC 6763, section 4.1.1). As text such a dot is escaped, "Pump 1\.2" (section 4.3).
# Guess: what reads an announcement gives the name escaped, or as a list of labels, so that it can be asked for.
# Seen: dnspython and c-ares do. npm's dns-packet, below multicast-dns and bonjour-service, dns2 and Python's zeroconf give
# "Pump 1.2._ssh._tcp.local": written again, in a question or when an announcement is passed on, it has become the two labels
# "Pump 1" and "2", which nobody has. They know no escape either, so for them such a device is seen and cannot be reached.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock dns-packet@5.6.1 dns2@3.0.0
apt-get -q -o APT::Sandbox::User=root download python3-zeroconf=0.47.3-1 python3-async-timeout python3-ifaddr=0.1.7-2 \
    python3-dnspython=2.3.0-1+deb12u1 libc-ares2=1.18.1-3 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >packet.cjs <<'JS'
const packet = require('dns-packet'), { Packet } = require('dns2')
const message = Buffer.from(process.argv[2], 'hex')
const first = packet.decode(message), second = Packet.parse(message), escaped = { type: 'SRV', name: 'Pump 1\\.2.local' }
console.log(JSON.stringify({
    'dns-packet': [first.answers[0].data, packet.encode(first).toString('hex')],
    dns2: [second.answers[0].domain, second.toBuffer().toString('hex')],
    'dns-packet, escaped': [escaped.name, packet.encode({ questions: [escaped] }).toString('hex')],
}))
JS
cat >run.py <<'PY'
import ctypes, glob, json, os, subprocess, sys
sys.path.insert(0, os.getcwd() + "/root/usr/lib/python3/dist-packages")
import dns.message
from zeroconf import DNSIncoming, DNSOutgoing
head = b"\0\0\x84\0\0\0\0\1\0\0\0\0\x04_ssh\x04_tcp\x05local\0\0\x0c\0\1\0\0\0\x0a"
name = b"\x08Pump 1.2\x04_ssh\x04_tcp\x05local\0"
message = head + len(name).to_bytes(2, "big") + name
seen = json.loads(subprocess.run(["node", "packet.cjs", message.hex()], stdout=subprocess.PIPE, check=True).stdout)
answer = dns.message.from_wire(message)
seen["dnspython"] = answer.answer[0][0].target.to_text(), answer.to_wire().hex()
answers = DNSIncoming(message).answers
outgoing = DNSOutgoing(0x8400)
outgoing.add_answer_at_time(answers[0], 0)
seen["zeroconf"] = answers[0].alias, outgoing.packets()[0].hex()
ares = ctypes.CDLL(glob.glob("root/usr/lib/*-linux-gnu*/libcares.so.2")[0])
buffer, text, length = ctypes.create_string_buffer(message, len(message)), ctypes.c_char_p(), ctypes.c_long()
ares.ares_expand_name(ctypes.byref(buffer, len(message) - len(name)), buffer, len(message), ctypes.byref(text),
                      ctypes.byref(length))
query, size = ctypes.c_void_p(), ctypes.c_int()
ares.ares_mkquery(text.value, 1, 12, 0, 0, ctypes.byref(query), ctypes.byref(size))
seen["c-ares"] = text.value.decode(), ctypes.string_at(query.value, size.value).hex()
labels = {library: "two" if b"\6Pump 1\0012" in bytes.fromhex(wire) else
          "one" if b"\x08Pump 1.2" in bytes.fromhex(wire) else
          "other" for library, (_, wire) in seen.items()}
for library, (name, _) in seen.items():
    print(f"{library}: {name}, labels: {labels[library]}")
sys.exit(labels != {"dns-packet": "two", "dns2": "two", "dns-packet, escaped": "other", "dnspython": "one", "zeroconf": "two",
                    "c-ares": "one"})
PY
timeout 60 /usr/bin/python3 run.py

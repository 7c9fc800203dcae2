#!/usr/bin/env bash
# An LDAP search by filter and base, as text (RFC 4515, RFC 4514): parentheses in a value are \28 and \29, any byte may be \ and
# two digits; an attribute may have an option, userCertificate;binary, or be an OID; (&) is everything; a base's value may have
# spaces, "cn=\ a\ ", be bytes, "cn=#04024869", or have a "=" in it.
# Guess: libraries send what OpenLDAP's ldapsearch sends, but for the rarest forms, which they refuse.
# Seen: ldapjs sends every escape of a filter as its letters, "\28x\29", which no entry has, and of the base with spaces
# "cn=,dc=x". ldapts sends \c3\a9 and \ff as if they were Latin-1, in twice as many bytes. Python's ldap3 takes the blanks
# off a value's ends, and makes "\#04024869" of the bytes. Options and OIDs are errors in both of npm's, (&) in the latter two.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock ldapjs@3.0.7 ldapts@8.2.0
apt-get -q -o APT::Sandbox::User=root download ldap-utils=2.5.13+dfsg-5 libldap-2.5-0=2.5.13+dfsg-5 libsasl2-2 \
    python3-ldap3=2.9.1-2 python3-pyasn1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >client.mjs <<'JS'
import ldapjs from 'ldapjs'
import { Client } from 'ldapts'
const [, , name, url, base, filter] = process.argv
try {
    if (name === 'ldapts') {
        await new Client({ url }).search(base, { filter, scope: 'sub' })
    } else {
        await new Promise((resolve, reject) => {
            ldapjs.createClient({ url }).search(base, { filter, scope: 'sub' }, (error, answer) => {
                answer?.on('error', reject).on('end', resolve)
                if (error)
                    reject(error)
            })
        })
    }
    process.exit(0)
} catch {
    process.exit(1)
}
JS
cat >with_ldap3.py <<'PY'
import ldap3, sys
server = ldap3.Server("127.0.0.1", int(sys.argv[1].split(":")[-1]), get_info=ldap3.NONE)
ldap3.Connection(server, auto_bind=True).search(*sys.argv[2:])
PY
cat >run.py <<'PY'
import glob, os, socket, subprocess, sys, threading
here = os.getcwd()
environment = os.environ | {"LD_LIBRARY_PATH": glob.glob(here + "/root/usr/lib/*-linux-gnu*")[0],
                            "PYTHONPATH": here + "/root/usr/lib/python3/dist-packages"}
searches = []
def element(data, at):  # tag, begin and end of what it holds
    length, begin = data[at + 1], at + 2
    if length & 128:
        begin += length & 127
        length = int.from_bytes(data[at + 2:begin], "big")
    return data[at], begin, begin + length
def serve(c):
    data = b""
    while more := c.recv(65536):
        data += more
        while len(data) > 2 and len(data) >= (end := element(data, 0)[2]):
            message, data = data[:end], data[end:]
            _, begin, at = element(message, element(message, 0)[1])
            id_ = message[begin:at]
            operation, at, _ = element(message, at)
            if operation == 0x63:  # a search: base, five fields, filter
                _, begin, at = element(message, at)
                base = message[begin:at]
                for _ in range(5):
                    at = element(message, at)[2]
                searches.append((base.decode(), message[at:element(message, at)[2]]))
            if answer := {0x60: 0x61, 0x63: 0x65}.get(operation):  # to a bind and to a search: success
                c.sendall(bytes((0x30, 11 + len(id_), 2, len(id_))) + id_ + bytes((answer, 7)) + b"\x0a\1\0\4\0\4\0")
server = socket.create_server(("127.0.0.1", 0))
def accept():
    while True:
        threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
threading.Thread(target=accept, daemon=True).start()
url = f"ldap://127.0.0.1:{server.getsockname()[1]}"
clients = {"ldapsearch": ["root/usr/bin/ldapsearch", "-x", "-H", url, "-b"], "ldapjs": ["node", "client.mjs", "ldapjs", url],
           "ldapts": ["node", "client.mjs", "ldapts", url], "ldap3": ["/usr/bin/python3", "with_ldap3.py", url]}
def equal(attribute, value):
    part = b"\4" + bytes([len(attribute)]) + attribute + b"\4" + bytes([len(value)]) + value
    return b"\xa3" + bytes([len(part)]) + part
plain = equal(b"a", b"b")
right = {("dc=x", r"(cn=\28x\29)"): ("dc=x", equal(b"cn", b"(x)")), ("dc=x", r"(cn=\c3\a9)"): ("dc=x", equal(b"cn", b"\xc3\xa9")),
         ("dc=x", r"(bin=\00\ff)"): ("dc=x", equal(b"bin", b"\0\xff")), ("dc=x", "(cn=a b )"): ("dc=x", equal(b"cn", b"a b ")),
         ("dc=x", "(userCertificate;binary=*)"): ("dc=x", b"\x87\x16userCertificate;binary"),
         ("dc=x", "(2.5.4.3=x)"): ("dc=x", equal(b"2.5.4.3", b"x")), ("dc=x", "(&)"): ("dc=x", b"\xa0\0"),
         (r"cn=\ a\ ,dc=x", "(a=b)"): (r"cn=\ a\ ,dc=x", plain), ("cn=#04024869,dc=x", "(a=b)"): ("cn=#04024869,dc=x", plain),
         ("cn=a=b,dc=x", "(a=b)"): ("cn=a=b,dc=x", plain)}
(parentheses, accent, binary, blanks, option, oid, true, spaces, hexadecimal, equals) = right
other = {"ldapsearch": {},
         "ldapjs": {parentheses: ("dc=x", equal(b"cn", rb"\28x\29")), accent: ("dc=x", equal(b"cn", rb"\c3\a9")),
                    binary: ("dc=x", equal(b"bin", rb"\00\ff")), option: None, oid: None, spaces: ("cn=,dc=x", plain)},
         "ldapts": {accent: ("dc=x", equal(b"cn", "Ã©".encode())), binary: ("dc=x", equal(b"bin", b"\0\xc3\xbf")), option: None,
                    oid: None, true: None},
         "ldap3": {blanks: ("dc=x", equal(b"cn", b"a b")), true: None, hexadecimal: (r"cn=\#04024869,dc=x", plain),
                   equals: (r"cn=a\=b,dc=x", plain)}}
changed = False
for name, command in clients.items():
    for (base, filter_), wanted in right.items():
        searches.clear()
        subprocess.run([*command, base, filter_], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=30)
        seen = searches[0] if searches else None
        if seen != wanted:
            print(f"{name}: of {base} {filter_} it makes {seen or 'an error'}", flush=True)
        changed |= seen != other[name].get((base, filter_), wanted)
sys.exit("this has changed" if changed else 0)
PY
timeout 200 /usr/bin/python3 run.py

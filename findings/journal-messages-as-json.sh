#!/usr/bin/env bash
# Logs of devices leave the journal by journalctl -o json, one object for each entry; what ships them reads MESSAGE.
# Guess: MESSAGE is a string, whatever was logged; bytes that are no UTF-8 are replaced or escaped.
# Seen: in systemd 252 the type depends on the message: one with a colour in it (an ESC), a carriage return or another control
# character but tab and line feed is an array of numbers, as is one that is no UTF-8; one of 4088 bytes and more is null,
# unless --all is given. A field that an entry has twice is an array of strings, so that an array may be either. All
# is well in -o export, and in the journal itself.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download systemd=252.39-1~deb12u2 systemd-journal-remote=252.39-1~deb12u2 \
    libsystemd-shared=252.39-1~deb12u2 libsystemd0=252.39-1~deb12u2 libmicrohttpd12 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(find "$t/root" \( -name 'libsystemd*.so*' -o -name 'libmicrohttpd.so*' \) -printf '%h\n' | sort -u | paste -sd:)
export LD_LIBRARY_PATH
cat >try.py <<'PY'
import json, struct, subprocess, sys
messages = {"plain": b"pump is on", "degrees": "23 °C".encode(), "two lines": b"one\ntwo", "tab": b"a\tb", "colour": b"\x1b[31mfailed\x1b[0m",
            "carriage return": b"50 %\r100 %", "Latin-1": b"23 \xb0C", "4087 bytes": b"x" * 4087, "4088 bytes": b"x" * 4088}
def field(name, value):
    return name + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
head = b"__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=0123456789abcdef0123456789abcdef\nTAG=a\nTAG=b\n"
given = b"".join(head % (1763600000000000 + at, at + 1) + field(b"MESSAGE", text) + b"\n" for at, text in enumerate(messages.values()))
subprocess.run(["root/lib/systemd/systemd-journal-remote", "-o", "device.journal", "-"], input=given, check=True, stderr=subprocess.DEVNULL)
def journalctl(*options):
    done = subprocess.run(["root/bin/journalctl", "--file", "device.journal", *options], stdout=subprocess.PIPE, check=True)
    return done.stdout
def kind(value):
    if isinstance(value, list):
        return f"array of {len(value)} numbers" if isinstance(value[0], int) else f"array of {len(value)} strings"
    return "null" if value is None else "string"
entries = [json.loads(line) for line in journalctl("-o", "json").splitlines()]
with_all = [json.loads(line) for line in journalctl("-o", "json", "--all").splitlines()]
seen = {name: [kind(entry["MESSAGE"]), kind(full["MESSAGE"])] for name, entry, full in zip(messages, entries, with_all)}
for name, kinds in seen.items():
    print(f"{name}: {kinds[0]}, with --all {kinds[1]}")
print("a field that is there twice:", kind(entries[0]["TAG"]))
exported = journalctl("-o", "export")
wanted = {name: ["string"] * 2 for name in ("plain", "degrees", "two lines", "tab", "4087 bytes")}
wanted |= {name: [f"array of {len(messages[name])} numbers"] * 2 for name in ("colour", "carriage return", "Latin-1")}
wanted["4088 bytes"] = ["null", "string"]
sys.exit(not (seen == wanted and kind(entries[0]["TAG"]) == "array of 2 strings" and all(m in exported for m in messages.values())))
PY
timeout 60 python3 try.py

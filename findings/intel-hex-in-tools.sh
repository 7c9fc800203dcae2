#!/usr/bin/env bash
# Firmware as Intel HEX: for a microcontroller whose flash is at 0x08000000 (record 04), with the address where it starts (05); or
# in segments of 64 KiB (02), in which a record that runs over the end of the segment goes on at its beginning (Intel's
# specification, revision A of 1988, data records).
# Guess: libraries give pieces with addresses, and the start; all tools agree where a record in a segment goes on.
# Seen: npm's intel-hex 0.2.0 gives one buffer from address 0 on: of four bytes at 0x08000010 it makes 134217748, the others 255,
# and where the data begins is not told. nrf-intel-hex 1.4.0 gives pieces, but no start, so that what it writes has none.
# Over the end of a segment srec_cat 1.64 goes on at its beginning, objcopy 2.40, python3-intelhex 2.3.0 and intel-hex go on
# behind it, and nrf-intel-hex refuses. From srec_cat a start at 1000:0010 comes back as 00010010, of the other kind.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock intel-hex@0.2.0 nrf-intel-hex@1.4.0
apt-get -q -o APT::Sandbox::User=root download srecord=1.64-3 libsrecord0 libgcrypt20 python3-intelhex=2.3.0-2 binutils=2.40-2 \
    "binutils-$(gcc -print-multiarch | tr _ -)=2.40-2" libbinutils libctf0 libctf-nobfd0 libjansson4 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*):$(echo "$t"/root/lib/*-linux-gnu*)
export LD_LIBRARY_PATH PYTHONPATH=$t/root/usr/lib/python3/dist-packages PATH="$t/root/usr/bin:$PATH"
cat >with-npm.cjs <<'JS'
const { parse } = require('intel-hex'), loaded = require('nrf-intel-hex'), MemoryMap = loaded.default ?? loaded
const text = require('fs').readFileSync(process.argv[2], 'utf8')
const { data, startLinearAddress } = parse(text)
const at = []
for (let i = 0; i < data.length; i++) if (data[i] !== 255) at.push(`${i.toString(16)}:${data[i]}`)
console.log(`${data.length} bytes ${at.join(' ')} start ${startLinearAddress}`)
try {
    const map = MemoryMap.fromHex(text)
    const pieces = [...map].map(([address, bytes]) => `${address.toString(16)}:${[...bytes]}`)
    console.log(`${pieces.join(' ')}; written again with a start: ${/^:04000005/m.test(map.asHexString())}`)
} catch (error) {
    console.log(`refused: ${error.message.slice(0, 40)}`)
}
JS
cat >try.py <<'PY'
import intelhex, subprocess, sys
def record(kind, address, data):
    body = bytes([len(data), address >> 8, address & 255, kind]) + bytes(data)
    return ":" + (body + bytes([-sum(body) & 255])).hex().upper() + "\n"
files = {"flash": record(4, 0, [8, 0]) + record(0, 16, [1, 2, 3, 4]) + record(5, 0, [8, 0, 1, 0xc1]) + record(1, 0, []),
         "segment": record(2, 0, [0x10, 0]) + record(0, 0xfffe, [1, 2, 3, 4]) + record(3, 0, [0x10, 0, 0, 0x10]) + record(1, 0, [])}
run = lambda *command: subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
def bytes_of(lines):
    """Of S-records with 16, 24 or 32 bits of address."""
    found = {}
    for line in lines.splitlines():
        if line[1] in "123":
            digits = 2 + 2 * int(line[1])
            data = bytes.fromhex(line[4 + digits:-2])
            found |= {int(line[4:4 + digits], 16) + i: byte for i, byte in enumerate(data)}
    return found
seen = {}
for name, text in files.items():
    with open(name, "w") as file:
        file.write(text)
    read = intelhex.IntelHex(name)
    both = run("node", "with-npm.cjs", name).splitlines()
    of = {"srec_cat": bytes_of(run("srec_cat", name, "-intel", "-o", "-")),
          "objcopy": bytes_of(run("objcopy", "-I", "ihex", "-O", "srec", name, "/dev/stdout")),
          "python3-intelhex": {address: read[address] for address in read.addresses()}}
    seen[name] = [" ".join(f"{address:x}:{byte}" for address, byte in sorted(found.items())) for found in of.values()] + both
    for reader, found in zip([*of, "intel-hex", "nrf-intel-hex"], seen[name]):
        print(f"{name}, {reader}: {found}")
start = [line for line in run("srec_cat", "segment", "-intel", "-o", "-", "-intel").splitlines() if line[7:9] in ("03", "05")]
print("a start at 1000:0010 by srec_cat:", *start)
flash, behind = "8000010:1 8000011:2 8000012:3 8000013:4", "1fffe:1 1ffff:2 20000:3 20001:4"
wanted = {"flash": [flash] * 3 + [f"134217748 bytes {flash} start 134218177", "8000010:1,2,3,4; written again with a start: false"],
          "segment": ["10000:3 10001:4 1fffe:1 1ffff:2", behind, behind, f"131074 bytes {behind} start null", seen["segment"][4]]}
sys.exit(not (seen == wanted and seen["segment"][4].startswith("refused: Data at record 2") and start == [":0400000500010010E6"]))
PY
timeout 100 /usr/bin/python3 try.py

#!/usr/bin/env bash
# What is in CAN messages stands in a DBC file: signals with first bit, length and order of bytes, "@0" for Motorola's; signals of
# a multiplexed message, of which "m1" is there when the multiplexer is 1; 32 bits that are a float (SIG_VALTYPE_); extended
# identifiers have bit 31 set in the file, and not on the bus.
# Guess: npm's candied, "general purpose CAN toolbox", decodes frames by it as python3-canmatrix does.
# Seen: candied 2.2.0 gives other numbers for signals in Motorola's order: -162.82 degrees for -25, 3000 for 291. It gives all
# signals of a multiplexed message, also those that are not there, and a float's bits as an integer. A frame with an extended
# identifier has no message by its number on the bus, only by the one in the file. Signals in Intel's order are right.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock candied@2.2.0
apt-get -q -o APT::Sandbox::User=root download python3-canmatrix=0.9.5~github-3 python3-attr python3-click python3-future \
    python3-lxml python3-six >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >pump.dbc <<'DBC'
VERSION ""

NS_ :

BS_:

BU_: ECU

BO_ 256 Pump: 8 ECU
 SG_ Speed : 0|16@1+ (0.1,0) [0|6553.5] "rpm" ECU
 SG_ Temp : 23|16@0- (0.01,-40) [-367|287] "C" ECU
 SG_ Flow : 39|12@0+ (1,0) [0|4095] "" ECU

BO_ 2566844693 Parts: 8 ECU
 SG_ Mode M : 0|8@1+ (1,0) [0|255] "" ECU
 SG_ A m0 : 8|16@1- (1,0) [0|0] "" ECU
 SG_ B m1 : 8|16@1+ (1,0) [0|0] "" ECU

BO_ 258 Level: 4 ECU
 SG_ F : 0|32@1- (1,0) [0|0] "" ECU

SIG_VALTYPE_ 258 F : 1;
DBC
cat >frames.json <<'JSON'
[[256, false, "e80305dc12340000"], [419361045, true, "01fffe0000000000"], [2566844693, true, "01fffe0000000000"], [258, false, "0000ac41"]]
JSON
cat >with-candied.cjs <<'JS'
const { Dbc, Can } = require('candied'), { readFileSync } = require('fs')
async function main() {
    const can = new Can()
    can.database = await new Dbc().load(readFileSync('pump.dbc', 'utf8'), true)
    console.log(JSON.stringify(JSON.parse(readFileSync('frames.json', 'utf8')).map(([id, , bytes]) => {
        const message = can.decode(can.createFrame(id, [...Buffer.from(bytes, 'hex')]))
        return message ? Object.fromEntries([...message.boundSignals].map(([name, signal]) => [name, signal.value])) : null
    })))
}
main()
JS
cat >try.py <<'PY'
import json, subprocess, sys
sys.path.insert(0, "root/usr/lib/python3/dist-packages")
import canmatrix, canmatrix.formats
matrix = canmatrix.formats.loadp_flat("pump.dbc")
with open("frames.json") as file:
    frames = json.load(file)
def decode(number, extended, data):
    if number >= 1 << 29:
        return None
    found = matrix.decode(canmatrix.ArbitrationId(number, extended=extended), bytes.fromhex(data))
    return {name: float(signal.phys_value) for name, signal in found.items()}
by_canmatrix = [decode(*frame) for frame in frames]
by_candied = json.loads(subprocess.run(["node", "with-candied.cjs"], stdout=subprocess.PIPE, text=True, check=True).stdout)
for (number, _, data), right, seen in zip(frames, by_canmatrix, by_candied):
    print(f"{number:x} {data}: canmatrix {right}, candied {seen}")
wanted = [{"Speed": 100, "Temp": -25, "Flow": 291}, {"Mode": 1, "B": 65279}, None, {"F": 21.5}]
other = [{"Speed": 100, "Temp": -162.82, "Flow": 3000}, None, {"Mode": 1, "A": -257, "B": 65279}, {"F": 1101791232}]
sys.exit(by_canmatrix != wanted or by_candied != other)
PY
timeout 60 /usr/bin/python3 try.py

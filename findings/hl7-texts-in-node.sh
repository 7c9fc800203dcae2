#!/usr/bin/env bash
# Laboratory and monitoring devices say results in HL7 version 2: "|" between fields, "^" between components, "&" between parts of
# them, "~" between repetitions; in a text these stand as \F\, \S\, \T\ and \R\, and a backslash as \E\ (chapter 2, section 2.7).
# Guess: a library that takes messages apart and puts them together gives a text as it is meant, and writes one so that it is read
# again as it was.
# Seen: simple-hl7 3.3.0 gives "10\S\9/L" as it stands, and "Smith\T\Sons". node-hl7-client 4.0.0 reads both as they are meant.
# Neither writes them: "10^9/L" becomes two components, and "5|7" two fields, behind which every other field of the segment is one place
# further, the unit in the place of the normal range. python3-hl7 0.4.5 has the reading in extract_field() alone; its own
# indexing gives what stands there, and a field that is set is not written so either.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock simple-hl7@3.3.0 node-hl7-client@4.0.0
apt-get -q -o APT::Sandbox::User=root download python3-hl7=0.4.5-1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >with-npm.mjs <<'JS'
import simple from 'simple-hl7'
import { Message } from 'node-hl7-client'
const text = process.argv[2], parser = new simple.Parser()
const bySimple = parser.parse(text).getSegment('OBX'), byClient = new Message({ text })
const read = { 'simple-hl7': [bySimple.getField(5), bySimple.getField(6)],
               'node-hl7-client': [byClient.get('OBX.5').toString(), byClient.get('OBX.6').toString()] }
const made = new simple.Message('MON', 'WARD', 'LIS')
made.addSegment('OBX', '1', 'ST', 'NOTE', '', '5|7', '10^9/L', '4-8')
byClient.set('OBX.5', '5|7')
byClient.set('OBX.6', '10^9/L')
console.log(JSON.stringify({ read, written: { 'simple-hl7': made.toString(), 'node-hl7-client': byClient.toString() } }))
JS
cat >try.py <<'PY'
import json, subprocess, sys
sys.path.insert(0, "root/usr/lib/python3/dist-packages")
import hl7
message = "\r".join(["MSH|^~\\&|MON|WARD|LIS|LAB|20261201030000||ORU^R01|42|P|2.3.1",
                     "OBX|1|ST|NOTE||Smith\\T\\Sons|10\\S\\9/L|4-8|N|||F"])
by_npm = json.loads(subprocess.run(["node", "with-npm.mjs", message], check=True, stdout=subprocess.PIPE, text=True).stdout)
parsed = hl7.parse(message)
obx = parsed.segment("OBX")
read = {**by_npm["read"], "python3-hl7": [str(obx[5]), str(obx[6])],
        "extract_field()": [parsed.extract_field("OBX", 0, 5), parsed.extract_field("OBX", 0, 6)]}
obx[5], obx[6] = "5|7", "10^9/L"
written = {**by_npm["written"], "python3-hl7": str(parsed)}
fields = {}
for name, text in written.items():
    again = hl7.parse(text).segment("OBX")
    fields[name] = [str(again[i]) for i in (5, 6, 7, 8)]
for name, texts in read.items():
    print(f"read by {name}: {texts}")
for name, texts in fields.items():
    print(f"fields 5 to 8 of what {name} writes: {texts}")
plain, meant = ["Smith\\T\\Sons", "10\\S\\9/L"], ["Smith&Sons", "10^9/L"]
sys.exit(not (read == {"simple-hl7": plain, "node-hl7-client": meant, "python3-hl7": plain, "extract_field()": meant} and
              all(texts == ["5", "7", "10^9/L", "4-8"] for texts in fields.values())))
PY
timeout 60 /usr/bin/python3 try.py

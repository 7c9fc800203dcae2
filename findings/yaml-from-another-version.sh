#!/usr/bin/env bash
# One program writes a device's identity as YAML and another one reads it: its MAC address, "52:54:00:12:34:56", its serial
# number, "00189" or "12e4", and a time of day, all of them texts. YAML 1.1 and 1.2 take different texts for numbers.
# Guess: a writer puts quotes around what any reader may take for something else, as npm's js-yaml does.
# Seen: npm's yaml writes the MAC address and the time bare, and PyYAML reads them as base 60: 41135085296 and 45045; of "="
# it makes a line for which PyYAML refuses the whole document. PyYAML writes 00189, 12e4 and 0o17 bare, and npm's two
# libraries read 189, 120000 and 15. A writer for any reader quotes all its texts.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock yaml@2.9.1 js-yaml@4.1.0
apt-get -q -o APT::Sandbox::User=root download python3-yaml=6.0-3+b2 libyaml-0-2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
PYTHONPATH=$t/root/usr/lib/python3/dist-packages LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export PYTHONPATH LD_LIBRARY_PATH
cat >yaml.cjs <<'JS'
const [, , name, action] = process.argv, library = require(name)
const write = library.stringify ?? library.dump, read = library.load ?? library.parse
const given = JSON.parse(require('fs').readFileSync(0, 'utf8'))
console.log(JSON.stringify(given.map(action === 'write' ? text => write({ text }) : text => read(text).text)))
JS
cat >with_pyyaml.py <<'PY'
import json, sys, yaml
def read(text):
    try:
        return yaml.safe_load(text)["text"]
    except yaml.YAMLError:
        return "refused"
write = lambda text: yaml.safe_dump({"text": text})
print(json.dumps([(write if sys.argv[1] == "write" else read)(given) for given in json.load(sys.stdin)]))
PY
cat >run.py <<'PY'
import json, subprocess, sys
programs = {"yaml": ["node", "yaml.cjs", "yaml"], "js-yaml": ["node", "yaml.cjs", "js-yaml"],
            "PyYAML": ["/usr/bin/python3", "with_pyyaml.py"]}
texts = ["52:54:00:12:34:56", "12:30:45", "1_000", "=", "00189", "12e4", "0o17", "0012", "off"]
def run(name, action, given):
    done = subprocess.run([*programs[name], action], input=json.dumps(given), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)
expected = {("yaml", "js-yaml"): [1000 if text == "1_000" else text for text in texts],
            ("yaml", "PyYAML"): [41135085296, 45045, 1000, "refused", "00189", "12e4", "0o17", "0012", False],
            ("PyYAML", "yaml"): texts[:4] + [189, 120000, 15] + texts[7:],
            ("PyYAML", "js-yaml"): texts[:4] + [189, 120000, 15] + texts[7:]}
changed = False
for writer in programs:
    written = run(writer, "write", texts)
    for reader in programs:
        seen = run(reader, "read", written)
        print(f"{writer} to {reader}:", *(f"{text} is {value}" for text, value in zip(texts, seen) if text != value))
        changed |= seen != expected.get((writer, reader), texts)
sys.exit("this has changed" if changed else 0)
PY
timeout 60 /usr/bin/python3 run.py

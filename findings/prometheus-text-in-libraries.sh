#!/usr/bin/env bash
# The text format of Prometheus, read by a program's library instead of by Prometheus: python3-prometheus-client's
# parser and npm's parse-prometheus-text-format.
# Guess: what comes out has the names that went in.
# Seen: the Python one renames a counter that does not end in _total: errors is errors_total, and a look-up by the name
# on the page finds nothing. The npm one takes a comment without a blank behind its # for a metric of that
# name with an empty value, and refuses a whole page for a blank behind a comma or a HELP line without words;
# promtool accepts all of it.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download python3-prometheus-client=0.16.0-0.1 prometheus=2.42.0+ds-5+deb12u1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock parse-prometheus-text-format@1.1.1
cat >names.py <<'PY'
import sys
from prometheus_client.parser import text_string_to_metric_families
print(*(s.name for f in text_string_to_metric_families(sys.stdin.read()) for s in f.samples))
PY
cat >names.js <<'JS'
const loaded = require('parse-prometheus-text-format'), parse = loaded.default ?? loaded
try {
    console.log(parse(require('fs').readFileSync(0, 'utf8')).map(m => m.name).join(' '))
} catch (e) {
    console.log('refused')
}
JS
changed=no
try() { # TEXT PYTHON NPM
    local python npm
    printf "$1" >page
    root/usr/bin/promtool check metrics <page >promtool.log 2>&1 || [ $? = 3 ] || changed=yes # 3: parsed, and lint
    python=$(PYTHONPATH=root/usr/lib/python3/dist-packages /usr/bin/python3 names.py <page)
    npm=$(node names.js <page)
    echo "$1 -> Python: $python; npm: $npm"
    [ "$python|$npm" = "$2|$3" ] || changed=yes
}
try '# TYPE errors_total counter\nerrors_total 1\n' errors_total errors_total
try '# TYPE errors counter\nerrors 1\n' errors_total errors
try '# a comment\nup 1\n' up up
try '#comment\nup 1\n' up '#comment up'
try 'up{a="1", b="2"} 1\n' up refused
try '# HELP up\nup 1\n' up refused
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }

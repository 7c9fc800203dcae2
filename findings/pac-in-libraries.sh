#!/usr/bin/env bash
# A PAC file says which proxy is for which host; programs without a browser run it by npm's pac-resolver (below
# pac-proxy-agent) or by pacparser. A file asks whether the host is in a network, from a function of any form, and what
# day it is.
# Guess: both run what browsers run.
# Seen: pac-resolver 9.0.2 turns calls such as isInNet into awaits, and the functions around them into asynchronous
# ones only where they are declarations: in an arrow function, a method, or a call of another function's the whole file
# is a syntax error. Its dateRange is always false. pacparser 1.3.6 takes weekdayRange of days that pass the end of
# the week on Saturday ("FRI", "MON") for none at all, so that even "MON" to "SUN" is never.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock pac-resolver@9.0.2 quickjs-wasi@3.7.0
apt-get -q -o APT::Sandbox::User=root download libpacparser1=1.3.6-1.4 python3-pacparser=1.3.6-1.4 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >try.cjs <<'JS'
const { readFileSync } = require('fs')
const { createPacResolver } = require('pac-resolver')
const { QuickJS } = require('quickjs-wasi')
const wasm = readFileSync(require.resolve('quickjs-wasi/quickjs.wasm'))
const net = h => `isInNet(${h}, "10.0.0.0", "255.0.0.0")`
const find = test => `function FindProxyForURL(url, host) { return ${test} ? "PROXY a:1" : "DIRECT" }`
const files = {
    declaration: `function inside(h) { return ${net('h')} } ${find('inside(host)')}`,
    arrow: `var inside = h => ${net('h')}; ${find('inside(host)')}`,
    method: `var o = { inside: function (h) { return ${net('h')} } }; ${find('o.inside(host)')}`,
    argument: find(`Boolean(${net('host')})`),
    'every month': find('dateRange("JAN", "DEC")')
}
const wanted = { declaration: 'PROXY a:1', arrow: 'an error', method: 'an error', argument: 'an error', 'every month': 'DIRECT' }
;(async () => {
    let bad = false
    for (const [name, file] of Object.entries(files)) {
        let got
        try {
            got = await createPacResolver(await QuickJS.create({ wasm }), file)('http://10.1.2.3/')
        } catch (e) {
            got = 'an error'
        }
        console.log(`pac-resolver, ${name}: ${got}`)
        bad ||= got !== wanted[name]
    }
    process.exit(bad ? 1 : 0)
})()
JS
timeout 60 node try.cjs
cat >try.py <<'PY'
import sys
sys.path.insert(0, "root/usr/lib/python3/dist-packages")
import pacparser
def ask(test):
    pacparser.init()
    pacparser.parse_pac_string('function FindProxyForURL(url, host) { return %s ? "PROXY a:1" : "DIRECT"; }' % test)
    answer = pacparser.find_proxy("http://10.1.2.3/", "10.1.2.3")
    pacparser.cleanup()
    return answer
seen = [ask(f'weekdayRange("{a}", "{b}")') for a, b in (("SUN", "SAT"), ("MON", "SUN"), ("TUE", "MON"))]
month = ask('dateRange("JAN", "DEC")')
print("pacparser: SUN to SAT", seen[0], "- MON to SUN", seen[1], "- TUE to MON", seen[2], "- JAN to DEC", month)
sys.exit([*seen, month] != ["PROXY a:1", "DIRECT", "DIRECT", "PROXY a:1"])
PY
LD_LIBRARY_PATH=$t/root/usr/lib /usr/bin/python3 try.py

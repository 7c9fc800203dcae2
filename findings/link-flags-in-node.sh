#!/usr/bin/env bash
# A CoAP device lists what it has at /.well-known/core, as links (RFC 6690) in the form of HTTP's field Link (RFC 8288). A parameter
# may have no value: "obs", what can be observed; "crossorigin" of a browser's preload. libcoap's coap-server says so of its clock.
# Guess: npm's parsers of links know both forms of a parameter, and one that does not gives a link less its flag.
# Seen: for http-link-header 1.1.4 all up to the next "=" is the name of a parameter: the clock has one named "obs,</async>;ct", and
# the resource /async is gone. li 1.3.0 ends at a flag before a comma, with two links of four, and makes a name of "crossorigin" and
# the next link. Nothing is thrown. h5.linkformat 0.0.0 has all four links, parse-link-header 2.0.0 both of HTTP.
set -euo pipefail
t=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock http-link-header@1.1.4 li@1.3.0 parse-link-header@2.0.0 h5.linkformat@0.0.0
apt-get -q -o APT::Sandbox::User=root download libcoap3-bin=4.3.1-1 libcoap3=4.3.1-1 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(echo "$t"/root/usr/lib/*-linux-gnu*)
export LD_LIBRARY_PATH
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
root/usr/bin/coap-server-notls -A 127.0.0.1 -p "$port" &
server=$!
links=
for _ in {1..50}; do
    links=$(root/usr/bin/coap-client-notls -B 1 -m get "coap://127.0.0.1:$port/.well-known/core" 2>/dev/null) || true
    [[ $links != *example_data* ]] || break
    sleep 0.2
done
echo "the device: $links"
cat >try.cjs <<'JS'
const httpLinkHeader = require('http-link-header'), li = require('li'), parseLinkHeader = require('parse-link-header')
const device = process.argv[2], page = '<https://device.example/font>; rel="preload"; crossorigin, <https://device.example/2>; rel="next"'
const by = {
    'http-link-header': text => httpLinkHeader.parse(text).refs.map(link => [link.uri, ...Object.keys(link).slice(1)]),
    li: text => li.parse(text, { extended: true }).map(link => [link.link, ...Object.keys(link).slice(1)]),
    'h5.linkformat': text => require('h5.linkformat').parse(text).map(link => [link.href, ...Object.keys(link).slice(1)]),
    'parse-link-header': text => Object.values(parseLinkHeader(text)).map(link => [link.url]),
}
const seen = {}
for (const [name, ofText, text] of [['http-link-header', 'device', device], ['li', 'device', device], ['h5.linkformat', 'device', device],
    ['http-link-header', 'page', page], ['li', 'page', page], ['parse-link-header', 'page', page]]) {
    seen[`${ofText} by ${name}`] = by[name](text).map(link => link.join(' ')).join(' | ')
}
console.log(seen)
const wrong = 'https://device.example/font rel crossorigin, <https://device.example/2>; rel'
const wanted = {
    'device by http-link-header': '/ title ct | /time if rt title ct obs,</async>;ct | /example_data title ct obs',
    'device by li': '/ title ct | /time if rt title ct',
    'device by h5.linkformat': '/ title ct | /time if rt title ct obs | /async ct | /example_data title ct obs',
    'page by http-link-header': wrong,
    'page by li': wrong,
    'page by parse-link-header': 'https://device.example/font | https://device.example/2',
}
process.exit(JSON.stringify(seen) === JSON.stringify(wanted) ? 0 : 1)
JS
timeout 20 node try.cjs "$links"

#!/usr/bin/env bash
# A camera describes its streams by SDP (RFC 8866, before it RFC 4566). Valid descriptions may have: "49170/2", two
# pairs of ports from 49170 on; more than one time "t="; a connection "c=" for each layer of a medium; a
# profile-level-id of H.264, six hexadecimal digits.
# Guess: what npm's sdp-transform has read it writes again, and a parameter has one type.
# Seen: sdp-transform 3.0.0 does not read a medium whose port has a number of ports, and writes "m=undefined NaN
# undefined " for it. Of times and of connections the last stays. parseParams makes a number of the digits 420010 and
# a string of 42e010, so that the type depends on what the camera can do, and 000010, which has zeros, is a string.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock sdp-transform@3.0.0
cat >try.cjs <<'JS'
const { parse, write, parseParams } = require('sdp-transform')
const head = ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=camera']
const again = lines => write(parse([...head, ...lines].join('\r\n') + '\r\n')).trim().split('\r\n').slice(3)
const plain = ['t=0 0', 'm=video 49170 RTP/AVP 96', 'c=IN IP4 224.2.1.1/127', 'a=rtpmap:96 H264/90000']
const cases = {
    plain,
    'port with a number': ['t=0 0', 'm=video 49170/2 RTP/AVP 96', 'a=rtpmap:96 H264/90000'],
    'two times': ['t=2873397496 2873404696', 't=3034423619 3042462419', 'm=video 49170 RTP/AVP 96'],
    'two connections': ['t=0 0', 'm=video 49170 RTP/AVP 96', 'c=IN IP4 224.2.1.1/127', 'c=IN IP4 224.2.1.2/127']
}
const wanted = {
    plain,
    'port with a number': ['t=0 0', 'm=undefined NaN undefined ', 'a=rtpmap:96 H264/90000'],
    'two times': ['t=3034423619 3042462419', 'm=video 49170 RTP/AVP 96'],
    'two connections': ['t=0 0', 'm=video 49170 RTP/AVP 96', 'c=IN IP4 224.2.1.2/127']
}
let ok = true
for (const [name, lines] of Object.entries(cases)) {
    const got = again(lines)
    console.log(`${name}: ${got.join(' | ')}`)
    ok &&= got.join().trim() === wanted[name].join().trim()
}
const types = ['420010', '42e010', '000010'].map(id => typeof parseParams(`packetization-mode=1;profile-level-id=${id}`)['profile-level-id'])
console.log(`profile-level-id 420010, 42e010, 000010: ${types}`)
process.exit(ok && types.join() === 'number,string,string' ? 0 : 1)
JS
timeout 50 node try.cjs

#!/usr/bin/env bash
# A WebSocket server behind a reverse proxy in Node refuses a client and says why: 403 with a page, in chunks, as servers send
# what they make on the way, or with a Content-Length.
# Guess: the proxy passes the refusal on.
# Seen: http-proxy 1.18.1, below many development servers and gateways, passes the field "Transfer-Encoding: chunked" on and takes
# the chunks off, so that for a client of HTTP the answer is broken, curl and Node fail, and the reason is not read. http-proxy-3,
# which comes from it, http2-proxy and httpxy are right, and all four are with a Content-Length: a refusal has one.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock http-proxy@1.18.1 http-proxy-3@1.23.3 httpxy@0.5.6 http2-proxy@5.0.53
apt-get -q -o APT::Sandbox::User=root download curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >try.mjs <<'JS'
import { createRequire } from 'module'
import { createServer, get } from 'http'
import { execFile } from 'child_process'
import { createProxyServer as createHttpxy } from 'httpxy'
const require = createRequire(import.meta.url)
const listen = server => new Promise(done => server.listen(0, '127.0.0.1', () => done(server.address().port)))
const page = 'the device is offline'
const answers = {
    '/length': `Content-Length: ${page.length}\r\n\r\n${page}`,
    '/chunks': `Transfer-Encoding: chunked\r\n\r\n${page.length.toString(16)}\r\n${page}\r\n0\r\n\r\n`
}
const service = createServer().on('upgrade', (request, socket) => {
    socket.on('error', () => {})
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\n' + answers[request.url])
})
const port = await listen(service), target = `http://127.0.0.1:${port}`
const upgrades = {
    'http-proxy': (...all) => require('http-proxy').createProxyServer({ target }).on('error', () => {}).ws(...all),
    'http2-proxy': (...all) => require('http2-proxy').ws(...all, { hostname: '127.0.0.1', port }, () => {}),
    'http-proxy-3': (...all) => require('http-proxy-3').createProxyServer({ target }).on('error', () => {}).ws(...all),
    httpxy: (request, socket, head) => createHttpxy({}).ws(request, socket, { target }, head)
}
const fields = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' }
const byNode = url => new Promise(done => {
    const fail = e => done(e.code)
    get(url, { headers: fields, agent: false }, answer => {
        let body = ''
        answer.on('data', more => { body += more }).on('end', () => done(`${answer.statusCode}, ${body}`)).on('error', fail)
    }).on('error', fail)
})
const byCurl = url => new Promise(done => {
    const options = ['-s', '-m', '10', '--noproxy', '*', '-w', ', %{http_code}', ...Object.entries(fields).flatMap(f => ['-H', f.join(': ')]), url]
    execFile('root/usr/bin/curl', options, { env: { LD_LIBRARY_PATH: process.argv[2] } }, (e, said) => done(e ? `exit code ${e.code}` : said))
})
let changed = false
for (const [name, upgrade] of Object.entries(upgrades)) {
    const proxy = createServer().on('upgrade', upgrade), at = `http://127.0.0.1:${await listen(proxy)}`
    for (const path of ['/length', '/chunks']) {
        const seen = [await byNode(at + path), await byCurl(at + path)]
        console.log(`${name}, ${path}: Node: ${seen[0]}; curl: ${seen[1]}`)
        const right = [`403, ${page}`, `${page}, 403`]
        const wrong = ['HPE_INVALID_CHUNK_SIZE', 'exit code 56']
        changed ||= String(seen) !== String(name === 'http-proxy' && path === '/chunks' ? wrong : right)
    }
}
process.exit(changed ? 1 : 0)
JS
timeout 120 node --no-deprecation try.mjs "$(echo "$t"/root/usr/lib/*-linux-gnu)"

#!/usr/bin/env bash
# A telnet server may send commands between the bytes of its text (RFC 854): IAC NOP, by which servers see whether the
# other end is still there; a subnegotiation; a byte of 255, doubled.
# Guess: npm's telnet-client, by which many a program logs in to switches, takes the commands out of the text.
# Seen: telnet-client 2.2.14 does so only with options (DO, WILL) at the beginning of what arrives in one piece. Anywhere
# else it drops the highest bit of each byte of a command: IAC NOP is DEL and the letter "q", an option is DEL, "}" and
# its number, a subnegotiation has a "z" and a "p" around it, and a doubled 255 is two DEL.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock telnet-client@2.2.14
cat >try.cjs <<'JS'
const net = require('net')
const { Telnet } = require('telnet-client')
const bytes = (...parts) => Buffer.concat(parts.map(p => Buffer.from(p)))
const texts = {
    begins: [bytes('a'), bytes([255, 253, 24], 'b')],
    option: [bytes('a', [255, 253, 24], 'b')],
    nop: [bytes('a', [255, 241], 'b')],
    subnegotiation: [bytes('a', [255, 250, 24, 1, 255, 240], 'b')],
    doubled: [bytes('a', [255, 255], 'b')]
}
const wanted = { begins: 'ab', option: 'a\x7f}\x18b', nop: 'a\x7fqb', subnegotiation: 'a\x7fz\x18\x01\x7fpb',
    doubled: 'a\x7f\x7fb' }
const server = net.createServer(socket => {
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.write(bytes([255, 251, 1], '/ # ')) // WILL ECHO
    socket.on('data', d => {
        const name = Object.keys(texts).find(n => d.toString('latin1').includes(n))
        if (!name) return
        const pieces = [bytes(`${name}\r\n`), ...texts[name], bytes('\r\n/ # ')]
        const step = () => pieces.length && (socket.write(pieces.shift()), setTimeout(step, 150))
        step()
    })
})
server.listen(0, '127.0.0.1', async () => {
    const telnet = new Telnet()
    await telnet.connect({ host: '127.0.0.1', port: server.address().port, shellPrompt: '/ # ', timeout: 10000 })
    let ok = true
    for (const name of Object.keys(texts)) {
        const got = (await telnet.exec(name)).trimEnd()
        console.log(`${name}: ${JSON.stringify(got).replaceAll('\x7f', '\\u007f')}`)
        ok &&= got === wanted[name]
    }
    process.exit(ok ? 0 : 1)
})
JS
timeout 50 node try.cjs

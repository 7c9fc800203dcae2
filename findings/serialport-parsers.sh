#!/usr/bin/env bash
# A device at a serial line, read through serialport's parsers for Node. It ends an answer with an empty line, and lines with a line
# feed alone or with a carriage return before; its texts are UTF-8, and bytes come in pieces as the line has them.
# Guess: the Readline parser gives an empty line as "", as Node's own readline does; the Regex parser, with which one takes lines
# of both forms, joins a character that comes in two pieces, as the Readline parser does; the Ready parser finds its word.
# Seen: version 13.0.0 leaves out empty lines, so that a program which waits for the one at an answer's end waits for ever. The
# Regex parser turns "°", with a border of pieces in it, into two replacement characters. The Ready parser does not look again
# at the byte at which a try failed: "=> " behind another "=", and a line "READY" behind "\r\r\n", are not found.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock @serialport/parser-readline@13.0.0 @serialport/parser-regex@13.0.0 \
    @serialport/parser-ready@13.0.0
cat >try.cjs <<'JS'
const { ReadlineParser } = require('@serialport/parser-readline'), { RegexParser } = require('@serialport/parser-regex')
const { ReadyParser } = require('@serialport/parser-ready'), { createInterface } = require('readline'), { Readable } = require('stream')
const through = (parser, pieces) => new Promise(done => {
    const found = []
    parser.on('data', data => found.push(data.toString())).on('end', () => done(found))
    for (const piece of pieces) parser.write(piece)
    parser.end()
})
const own = async pieces => {
    const found = []
    for await (const line of createInterface({ input: Readable.from(pieces) })) found.push(line)
    return found
}
const answer = [Buffer.from('VERSION 1\r\nNAME pump\r\n\r\nVERSION 2\r\n')]
const text = Buffer.from('23 °C\n'), pieces = [text.subarray(0, 4), text.subarray(4)]
const after = (word, pieces) => through(new ReadyParser({ delimiter: word }), pieces)
async function main() {
    const seen = {
        'empty line, Readline': await through(new ReadlineParser({ delimiter: '\r\n' }), answer),
        'empty line, Node': await own(answer),
        'character in pieces, Readline': await through(new ReadlineParser({ delimiter: '\n' }), pieces),
        'character in pieces, Regex': await through(new RegexParser({ regex: /\r?\n/ }), pieces),
        'behind "=> "': await after('=> ', ['U-Boot\n=> help']),
        'behind "=> ", with a "=" before': await after('=> ', ['U-Boot\n==> help']),
        'behind "\\r\\nREADY"': await after('\r\nREADY', ['boot\r\nREADYdata']),
        'behind "\\r\\nREADY", with a "\\r" before': await after('\r\nREADY', ['boot\r\r\nREADYdata'])
    }
    const wanted = [['VERSION 1', 'NAME pump', 'VERSION 2'], ['VERSION 1', 'NAME pump', '', 'VERSION 2'], ['23 °C'], ['23 \ufffd\ufffdC'],
        ['help'], [], ['data'], []]
    for (const [name, found] of Object.entries(seen)) console.log(`${name}: ${JSON.stringify(found)}`)
    process.exit(JSON.stringify(Object.values(seen)) === JSON.stringify(wanted) ? 0 : 1)
}
main()
JS
timeout 50 node try.cjs

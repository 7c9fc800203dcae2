#!/usr/bin/env bash
# Devices tell what they do by syslog (RFC 5424, and RFC 3164 before it). Valid lines: an element of structured data
# whose value has an escaped quotation mark, beside another element; a line of priority 0, which is the kernel's
# "emergency"; a time of the older form, which has no year.
# Guess: three parsers of npm read them alike.
# Seen: nsyslog-parser 0.10.1 loses the whole element with the escaped mark, without a word. glossy 0.1.7 gives
# facility and severity of every line but that of priority 0. syslog-parse 2.0.0 makes 5 March of "Feb  5" while its
# own clock is at the 29th, 30th or 31st of a month: it sets the month before the day.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock nsyslog-parser@0.10.1 glossy@0.1.7 syslog-parse@2.0.0
cat >try.cjs <<'JS'
const RealDate = Date
const at = RealDate.UTC(2026, 10, 30, 12)
let day = at
globalThis.Date = class extends RealDate {
    constructor(...a) { a.length === 0 ? super(day) : super(...a) }
    static now() { return day }
}
const nsyslog = require('nsyslog-parser'), glossy = require('glossy').Parse
const syslogParse = require('syslog-parse').default || require('syslog-parse')
const head = '1 2026-02-05T17:32:18Z pump app 77 M1'
const elements = nsyslog(`<165>${head} [a@32473 text="he said \\"no\\""][b@32473 n="1"]`).structuredData
const plain = nsyslog(`<165>${head} [a@32473 text="he said no"][b@32473 n="1"]`).structuredData
const severity = n => glossy.parse(Buffer.from(`<${n}>${head} - text`)).severity
const month = () => syslogParse('<30>Feb  5 17:32:18 pump dropbear[123]: text').time.getMonth() + 1
const late = month()
day = RealDate.UTC(2026, 10, 20, 12)
const middle = month()
console.log(`nsyslog-parser: ${plain.length} elements; with an escaped quotation mark ${elements.length}: ${elements.map(e => e.$id)}`)
console.log(`glossy: severity of priority 1 ${severity(1)}, of 0 ${severity(0)}`)
console.log(`syslog-parse: month of "Feb  5", read on 20 November ${middle}, on 30 November ${late}`)
const asSeen = plain.length === 2 && elements.length === 1 && elements[0].$id === 'b@32473' && severity(1) === 'alert' &&
    severity(0) === undefined && middle === 2 && late === 3
process.exit(asSeen ? 0 : 1)
JS
TZ=UTC timeout 60 node try.cjs

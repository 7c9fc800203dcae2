#!/usr/bin/env bash
# npm's u8-mqtt subscribes to topics with a handler for each, and a broker sends each topic once,
# with QoS 1. Clouds' topics for devices begin with "$": "$aws/things/…", "$iothub/…".
# Guess: each handler is called once.
# Seen: u8-mqtt 0.6.7 makes a regular expression of the topic and escapes nothing in it. The handlers
# of topics with "$", "(" or "^" are never called, and the messages are acknowledged all the same, so
# that they are lost; the topic "a.b" is the handler's of "axb", too.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock u8-mqtt@0.6.7 aedes@1.2.0
cat >try.mjs <<'JS'
import { Aedes } from 'aedes'
import net from 'node:net'
import mqtt from 'u8-mqtt/node'
const topics = ['plain/a', '$aws/things/pump/tunnels/notify', '$iothub/a', 'a(b)/c', 'a^b', 'a.b/c', 'axb/c']
const wanted = {
    'plain/a': 'plain/a', '$aws/things/pump/tunnels/notify': '', '$iothub/a': '', 'a(b)/c': '', 'a^b': '',
    'a.b/c': 'a.b/c axb/c', 'axb/c': 'axb/c'
}
const broker = await Aedes.createBroker()
const server = net.createServer(broker.handle)
await new Promise(r => server.listen(0, '127.0.0.1', r))
let subscribed = 0, acknowledged = 0
broker.on('subscribe', s => { subscribed += s.length })
broker.on('ack', () => { acknowledged++ })
const until = async (what, so) => {
    for (let i = 0; i < 300 && !so(); i++)
        await new Promise(r => setTimeout(r, 100))
    if (!so())
        throw new Error(what)
}
const heard = Object.fromEntries(topics.map(t => [t, []]))
for (const words of ['log', 'info', 'debug', 'warn']) // the library's own
    console[words] = () => {}
const client = mqtt().with_tcp(server.address().port, '127.0.0.1')
await client.connect({ client_id: ['one'] })
for (const t of topics)
    client.subscribe_topic(t, { qos: 1 }, pkt => { heard[t].push(pkt.topic) })
await until('subscriptions', () => subscribed >= topics.length)
for (const t of topics)
    await new Promise(r => broker.publish({ cmd: 'publish', topic: t, payload: 'x', qos: 1, retain: false }, r))
await until('acknowledgements', () => acknowledged >= topics.length)
await until('the last handler', () => heard['axb/c'].length > 0)
process.stdout.write(`${acknowledged} messages acknowledged\n`)
let bad = false
for (const t of topics) {
    const got = heard[t].sort().join(' ')
    process.stdout.write(`handler of ${t.padEnd(34)} ${got === '' ? 'never called' : 'called for ' + got}\n`)
    bad ||= got !== wanted[t]
}
process.exit(bad ? 1 : 0)
JS
timeout 60 node try.mjs

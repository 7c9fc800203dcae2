#!/usr/bin/env bash
# A property of a message without a value. In the topics of Azure's MQTT "urgent" alone is null and "urgent=" the empty string, as
# the documentation of IoT Hub has it.
# Guess: azure-iot-device-mqtt, Azure's own library for Node, keeps the two apart in both directions, or makes null an
# empty string.
# Seen: a null that comes is the text "undefined", which every test for "is it set" takes for yes; a null that is sent goes
# out as the text "null", and undefined as "undefined". A device that hands messages on makes another text of it each time.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock azure-iot-device@1.18.4 azure-iot-device-mqtt@1.16.4 aedes@1.2.0
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 9 -keyout key.pem \
    -out certificate.pem 2>/dev/null
cat >run.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:tls'
import { createRequire } from 'node:module'
import { Aedes } from 'aedes'
const require = createRequire(import.meta.url)
const { Client, Message } = require('azure-iot-device'), { Mqtt } = require('azure-iot-device-mqtt')
const cert = readFileSync('certificate.pem', 'utf8')
setTimeout(() => process.exit(1), 60000).unref()
const broker = await Aedes.createBroker()
const server = createServer({ key: readFileSync('key.pem'), cert }, broker.handle)
await new Promise(done => server.listen(0, 'localhost', done))
const hub = `localhost:${server.address().port}`
const device = Client.fromConnectionString(`HostName=${hub};DeviceId=pump-07;SharedAccessKey=c2VjcmV0`, Mqtt)
await device.setOptions({ ca: cert })
await device.open()
const events = 'devices/pump-07/messages/events/', topics = []
broker.on('publish', ({ topic }) => { if (topic.startsWith(events)) topics.push(topic.slice(events.length)) })

async function sent(value) {
    const message = new Message('x')
    message.properties.add('urgent', value)
    await device.sendEvent(message)
    return topics.pop()
}
async function received(bag) {
    const message = new Promise(done => device.once('message', done))
    broker.publish({ cmd: 'publish', qos: 0, topic: `devices/pump-07/messages/devicebound/${bag}`, payload: 'x' }, () => {})
    return (await message).properties.getValue('urgent')
}
const subscribed = new Promise(done => broker.once('subscribe', done))
device.on('message', () => {})
await subscribed
await new Promise(setImmediate)
const seen = [await received('urgent=yes'), await received('urgent='), await received('urgent'),
    await sent('yes'), await sent(''), await sent(null), await sent(undefined)]
console.log(`received: urgent=yes, urgent= and urgent are ${seen.slice(0, 3).map(v => JSON.stringify(v)).join(', ')}`)
console.log(`sent: 'yes', '', null and undefined are ${seen.slice(3).join(', ')}`)
const expected = ['yes', '', 'undefined', 'urgent=yes', 'urgent=', 'urgent=null', 'urgent=undefined']
const same = JSON.stringify(seen) === JSON.stringify(expected)
if (!same) console.error('this has changed')
process.exit(same ? 0 : 1)
JS
node run.mjs

#!/usr/bin/env bash
# Server-sent events: after a torn connection the browser's EventSource asks with Last-Event-ID for what it missed. The id
# holds until the next one, and a block may be an id alone, by which a server moves the mark without an event.
# Guess: Node's libraries do the same.
# Seen: eventsource 2.0.2 does. To eventsource 4.1.1, launchdarkly-eventsource and eventsource-client an id alone says
# nothing, so that they ask for events again that the server had done with; for eventsource 4.1.1, eventsource-client and
# fetch-event-source an event without an id has none, and not the one in force. A server writes the id with each event.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock old@npm:eventsource@2.0.2 new@npm:eventsource@4.1.1 \
    launchdarkly-eventsource@2.2.0 eventsource-client@1.2.0 @microsoft/fetch-event-source@2.0.1
cat >run.mjs <<'JS'
import http from 'node:http'
import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
globalThis.window = globalThis
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} }
const standard = EventSource => (url, event) => {
    const source = new EventSource(url)
    source.onmessage = e => event(e.data, e.lastEventId)
    source.onerror = () => {}
    return () => source.close()
}
const clients = {
    'eventsource 2.0.2': standard(require('old')),
    'eventsource 4.1.1': standard((await import('new')).EventSource),
    'launchdarkly-eventsource': standard(require('launchdarkly-eventsource').EventSource),
    'eventsource-client': await import('eventsource-client').then(({ createEventSource }) => (url, event) => {
        const source = createEventSource({ url, onMessage: e => event(e.data, e.id) })
        return () => source.close()
    }),
    'fetch-event-source': (url, event) => {
        const stop = new AbortController()
        const onmessage = e => event(e.data, e.id)
        require('@microsoft/fetch-event-source').fetchEventSource(url, { signal: stop.signal, openWhenHidden: true, onmessage,
            onclose() { throw new Error('again') }, onerror: () => 100 }).catch(() => {})
        return () => stop.abort()
    },
}
// the first answer ends at once; gives the events and the id that the second request asks with
function run(client, text) {
    return new Promise(resolve => {
        const events = []
        let asked = 0, stop
        const server = http.createServer((request, response) => {
            if (++asked === 2) {
                setTimeout(() => {
                    stop()
                    server.close()
                    server.closeAllConnections()
                    resolve({ events, asks: request.headers['last-event-id'] })
                })
            } else {
                response.writeHead(200, { 'content-type': 'text/event-stream' })
                response.end('retry: 100\n' + text)
            }
        }).listen(0, '127.0.0.1', () => {
            stop = client(`http://127.0.0.1:${server.address().port}/`, (data, id) => events.push([data, id]))
        })
    })
}
const cases = { 'id, then none': 'id: 7\ndata: a\n\ndata: b\n\n', 'id alone': 'id: 7\ndata: a\n\nid: 8\n\n' }
const expected = {
    'eventsource 2.0.2': ['7', '7', '8'], 'eventsource 4.1.1': ['', '7', '7'], 'launchdarkly-eventsource': ['7', '7', '7'],
    'eventsource-client': [undefined, '7', '7'], 'fetch-event-source': ['', '7', '8'],
}
let changed = false
for (const [name, client] of Object.entries(clients)) {
    const first = await run(client, cases['id, then none']), second = await run(client, cases['id alone'])
    const seen = [first.events[1][1] ?? undefined, first.asks, second.asks]
    console.log(`${name}: without an id "${seen[0] ?? ''}", asks then for "${seen[1]}"; after an id alone for "${seen[2]}"`)
    changed ||= seen.join() !== expected[name].join()
}
process.exit(changed ? 1 : 0)
JS
timeout 60 node run.mjs

// ws through https-proxy-agent.
const WebSocket = require('ws'), [, , proxy, name] = process.argv
import('https-proxy-agent').then(({ HttpsProxyAgent }) => {
    const w = new WebSocket(`ws://${name}/`, { agent: new HttpsProxyAgent(`http://${proxy}`) })
    w.on('open', () => w.send('hello'))
    w.on('message', m => { console.log('echo:', m.toString()); w.close() })
    w.on('error', e => { console.log(e.message); process.exit(1) })
})

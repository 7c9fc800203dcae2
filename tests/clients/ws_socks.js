// ws through socks-proxy-agent.
const WebSocket = require('ws'), [, , proxy, name] = process.argv
import('socks-proxy-agent').then(({ SocksProxyAgent }) => {
    const w = new WebSocket(`ws://${name}/`, { agent: new SocksProxyAgent(`socks5h://${proxy}`) })
    w.on('open', () => w.send('hello'))
    w.on('message', m => { console.log('echo:', m.toString()); w.close() })
    w.on('error', e => { console.log(e.message); process.exit(1) })
})

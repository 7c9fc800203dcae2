// SOCKS5 proxy of undici.
const { Socks5ProxyAgent, fetch } = require('undici')
const [, , proxy, name] = process.argv
fetch(`http://${name}/hello`, { dispatcher: new Socks5ProxyAgent(`socks5://${proxy}`) })
    .then(async r => { console.log(await r.text()); process.exitCode = r.ok ? 0 : 1 })
    .catch(e => { console.log(String(e.cause ?? e)); process.exitCode = 1 })

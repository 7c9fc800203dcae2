// socks-proxy-agent: SOCKS5.
const get = require('./get.js'), [, , proxy, name] = process.argv
import('socks-proxy-agent').then(({ SocksProxyAgent }) => get(new SocksProxyAgent(`socks5h://${proxy}`), name))

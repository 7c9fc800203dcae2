// pac-proxy-agent with the gateway's own proxy.pac.
const get = require('./get.js'), [, , proxy, name] = process.argv
import('pac-proxy-agent').then(({ PacProxyAgent }) => get(new PacProxyAgent(`pac+http://${proxy}/proxy.pac`), name))

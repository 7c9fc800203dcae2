// proxy-agent, told by the function that it takes.
const get = require('./get.js'), [, , proxy, name] = process.argv
import('proxy-agent').then(({ ProxyAgent }) => get(new ProxyAgent({ getProxyForUrl: () => `http://${proxy}` }), name))

// http-proxy-agent: absolute-form.
const get = require('./get.js'), [, , proxy, name] = process.argv
import('http-proxy-agent').then(({ HttpProxyAgent }) => get(new HttpProxyAgent(`http://${proxy}`), name))

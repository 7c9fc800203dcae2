// https-proxy-agent: CONNECT.
const get = require('./get.js'), [, , proxy, name] = process.argv
import('https-proxy-agent').then(({ HttpsProxyAgent }) => get(new HttpsProxyAgent(`http://${proxy}`), name))

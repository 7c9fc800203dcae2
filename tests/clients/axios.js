// axios with its proxy option.
const axios = require('axios'), [, , proxy, name] = process.argv
const [host, port] = proxy.split(':')
axios.get(`http://${name}/hello`, { proxy: { protocol: 'http', host, port } })
    .then(r => console.log(r.data))
    .catch(e => { console.log(e.message); process.exit(1) })

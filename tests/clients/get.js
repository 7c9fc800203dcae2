// Gets /hello of a host through an agent; exit code 1 for everything but 200.
module.exports = async (agent, name) => {
    const { get } = require('http')
    get(`http://${name}/hello`, { agent }, async r => {
        let text = ''
        for await (const piece of r) text += piece
        console.log(r.statusCode, text)
        process.exit(r.statusCode === 200 ? 0 : 1)
    }).on('error', e => { console.log(e.message); process.exit(1) })
}

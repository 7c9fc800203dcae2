#!/usr/bin/env bash
# Sparkplug B carries values of devices over MQTT, each with a type: as a metric, as a property of one, as an element
# of a DataSet (a table), or as a parameter of a Template.
# Guess: what npm's sparkplug-payload writes it reads, and a type that is good in one place is good in the others.
# Seen: sparkplug-payload 1.0.3 writes all 14 scalar types in all four places. As metrics and properties it reads all
# of them. In a DataSet or a Template it refuses its own Int8, Int16, Int32, UInt8, UInt16, UInt64, DateTime and Text,
# and reads only Int64, UInt32, Float, Double, Boolean and String.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock sparkplug-payload@1.0.3
cat >try.cjs <<'JS'
const spb = require('sparkplug-payload').get('spBv1.0')
const values = { Int8: 5, Int16: 5, Int32: 5, Int64: 5, UInt8: 5, UInt16: 5, UInt32: 5, UInt64: 5, Float: 5, Double: 5,
    Boolean: true, String: 'x', DateTime: 5, Text: 'x' }
const places = {
    metric: [(type, value) => ({ type, value }), m => m.value],
    property: [(type, value) => ({ type: 'Int32', value: 1, properties: { p: { type, value } } }), m => m.properties.p.value],
    DataSet: [(type, value) => ({ type: 'DataSet', value: { numOfColumns: 1, columns: ['c'], types: [type], rows: [[value]] } }),
        m => m.value.rows[0][0]],
    Template: [(type, value) => ({ type: 'Template', value: { isDefinition: false, templateRef: 'pump', metrics: [],
        parameters: [{ name: 'p', type, value }] } }), m => m.value.parameters[0].value]
}
const seen = {}
for (const [place, [make, take]] of Object.entries(places)) {
    seen[place] = Object.entries(values).filter(([type, value]) => {
        const bytes = spb.encodePayload({ timestamp: 1, seq: 0, metrics: [{ name: 'a', ...make(type, value) }] })
        try {
            return String(take(spb.decodePayload(bytes).metrics[0])) === String(value)
        } catch (e) {
            if (!e.message.startsWith('Invalid ')) throw e
            return false
        }
    }).map(([type]) => type).join()
    console.log(`${place}: reads ${seen[place]}`)
}
const all = Object.keys(values).join(), few = 'Int64,UInt32,Float,Double,Boolean,String'
process.exit(seen.metric === all && seen.property === all && seen.DataSet === few && seen.Template === few ? 0 : 1)
JS
timeout 50 node try.cjs

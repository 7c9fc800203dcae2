#!/usr/bin/env bash
# A camera tells by ONVIF who it is: firmware version "1.10", a serial number of 20 digits, an identity of its
# hardware. All of these are strings in the schema.
# Guess: npm's onvif and node-onvif give strings.
# Seen: node-onvif 0.1.7 does. onvif 0.8.3 looks at each text by itself: the firmware "1.10" is the number 1.1, as is "1.1",
# while "1.10.2" stays text; the serial number 12345678901234567890 loses its last digits and 0012345
# keeps its zeros; a hardware named "true" is a boolean. So the type depends on the camera, and an inventory keyed by serial
# number, or an update chosen by version, is right until one with such a text comes.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock onvif@0.8.3 node-onvif@0.1.7
cat >try.cjs <<'JS'
const http = require('http'), { Cam } = require('onvif'), { OnvifDevice } = require('node-onvif')
const cameras = [['1.10', '12345678901234567890', 'true'], ['1.1', '0012345', 'HW-2'], ['1.10.2', '4711', '100'], ['0.9', '1e5', '1.50']]
const soap = body => `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
    xmlns:tds="http://www.onvif.org/ver10/device/wsdl"><s:Body>${body}</s:Body></s:Envelope>`
const camera = ([firmware, serial, hardware]) => soap(`<tds:GetDeviceInformationResponse><tds:Manufacturer>Acme</tds:Manufacturer>
    <tds:Model>Eye</tds:Model><tds:FirmwareVersion>${firmware}</tds:FirmwareVersion><tds:SerialNumber>${serial}</tds:SerialNumber>
    <tds:HardwareId>${hardware}</tds:HardwareId></tds:GetDeviceInformationResponse>`)
let asked = 0
const server = http.createServer((request, response) => {
    request.resume().on('end', () => response.setHeader('Content-Type', 'application/soap+xml').end(camera(cameras[asked])))
})
server.listen(0, '127.0.0.1', async () => {
    const { port } = server.address(), seen = { onvif: [], 'node-onvif': [] }
    for (const at of cameras.keys()) {
        asked = at
        const url = new URL(`http://127.0.0.1:${port}/onvif/device_service`)
        const cam = new Cam({ hostname: url.hostname, port, autoconnect: false })
        cam.uri = { device: url }
        const a = await new Promise((good, bad) => cam.getDeviceInformation((error, info) => error ? bad(error) : good(info)))
        seen.onvif.push([a.firmwareVersion, a.serialNumber, a.hardwareId])
        const b = (await new OnvifDevice({ xaddr: url.href }).services.device.getDeviceInformation()).data.GetDeviceInformationResponse
        seen['node-onvif'].push([b.FirmwareVersion, b.SerialNumber, b.HardwareId])
        console.log(`sent ${JSON.stringify(cameras[at])}, onvif ${JSON.stringify(seen.onvif[at])}, node-onvif ${JSON.stringify(seen['node-onvif'][at])}`)
    }
    const wanted = [[1.1, 12345678901234567890, true], [1.1, '0012345', 'HW-2'], ['1.10.2', 4711, 100], [0.9, '1e5', 1.5]]
    process.exit(JSON.stringify(seen) === JSON.stringify({ onvif: wanted, 'node-onvif': cameras }) ? 0 : 1)
})
JS
timeout 50 node try.cjs

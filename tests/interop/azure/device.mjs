// A device on Azure's SDK (azure-iot-device, over MQTT), which serves streams as Azure's proxy sample
// does: each is a connection to a service of its own.
//   device.mjs CONNECTION-STRING FOLDER [OPTIONS]    FOLDER has the node_modules
// OPTIONS: {"services": {NAME: port}, "x509": {cert, key}, "valid": s, "margin": s (of signatures)}.
// A stream with another name is rejected. Says: connected, told TOPIC, ended. The SDK has no call for
// streams, which only a branch of it had; its MQTT client is there to be told of their topics.
import {createRequire} from "node:module";
import net from "node:net";

const [connection, folder, text] = process.argv.slice(2);
const {services = {}, x509, valid, margin} = JSON.parse(text ?? "{}");
const require = createRequire(`${folder}/`);
const {Client} = require("azure-iot-device");
const {Mqtt} = require("azure-iot-device-mqtt");
const WebSocket = require("ws");

const client = Client.fromConnectionString(connection, Mqtt);
const mqtt = client._transport._mqtt;

function serve(url, token, port) {
    const bridge = new WebSocket(url, {headers: {Authorization: `Bearer ${token}`}});
    const stream = WebSocket.createWebSocketStream(bridge);
    const local = net.connect(port, "127.0.0.1");
    stream.on("error", (error) => local.destroy(console.log("stream:", error.message)));
    local.on("error", (error) => stream.destroy(console.log("service:", error.message)));
    stream.on("close", () => console.log("ended"));
    stream.pipe(local);
    local.pipe(stream);
}

mqtt.on("message", (topic) => {
    const found = /^\$iothub\/streams\/POST\/([^/]+)\/\?(.*)$/.exec(topic);
    if (!found)
        return;
    console.log("told", topic);
    const {$rid, $url, $auth} = Object.fromEntries(found[2].split("&").map((pair) => pair.split("=")));
    const port = services[found[1]];
    mqtt.publish(`$iothub/streams/res/${port ? 200 : 400}/?$rid=${$rid}`, Buffer.alloc(0), {qos: 0},
                 (error) => error && console.log("answer:", error.message));
    if (port)
        serve(decodeURIComponent($url), $auth, port);
});

if (x509)
    await client.setOptions(x509);
if (valid)
    await client.setOptions({tokenRenewal: {tokenValidTimeInSeconds: valid, tokenRenewalMarginInSeconds: margin}});
client.on("connect", () => console.log("connected"));
client.on("disconnect", () => console.log("disconnected"));
client.on("error", (error) => console.log("error", error.message));
client.on("message", () => {}); // the SDK comes back only when it listens to something
await client.open();
for (const topic of ["$iothub/streams/POST/#", "$iothub/streams/res/#"])
    await new Promise((done) => mqtt.subscribe(topic, {qos: 0}, (error) => done(error && console.log("subscribe:", error.message))));
console.log("subscribed");

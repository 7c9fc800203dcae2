// MQTT clients of npm, one for each device that it is told of, all in this process:
//   clients.mjs FOLDER CA WHAT...    FOLDER has the node_modules
// WHAT: {"client":"mqtt5","device":NAME,"port":N,"cert":FILE,"key":FILE}. Each subscribes to the
// notices of its device, comes back by its own means when its connection is lost, and says, with the
// device's name in front: connected, told PAYLOAD.
import fs from "node:fs";
import {createRequire} from "node:module";

const [folder, ca, ...all] = process.argv.slice(2);
const require = createRequire(`${folder}/`);

// A program with MQTT.js, which subscribes at each connect only when `again` says so.
function mqttJs(mqtt, url, {cert, key}, topic, say, more = {}) {
    const client = mqtt.connect(url, {
        ca: fs.readFileSync(ca), cert: fs.readFileSync(cert), key: fs.readFileSync(key), ...more});
    client.on("connect", () => say("connected"));
    client.on("message", (_, payload) => say(`told ${payload}`));
    client.on("error", (error) => say(`error ${error.message}`));
    client.subscribe(topic, {qos: 1}); // once; it is the library's to subscribe again
    return client;
}

const clients = {
    mqtt5: (what, topic, say) =>
        mqttJs(require("mqtt"), `mqtts://localhost:${what.port}`, what, topic, say),

    mqtt5ws: (what, topic, say) =>
        mqttJs(require("mqtt"), `wss://localhost:${what.port}/mqtt`, what, topic, say),

    // Asks for MQTT 3.1, whose subprotocol it is that it offers.
    mqtt5old: (what, topic, say) =>
        mqttJs(require("mqtt"), `wss://localhost:${what.port}/`, what, topic, say,
               {protocolId: "MQIsdp", protocolVersion: 3}),

    // What async-mqtt wraps, MQTT.js 4.
    mqtt4: (what, topic, say) =>
        mqttJs({connect: (...how) => require("async-mqtt").connect(...how)},
               `mqtts://localhost:${what.port}`, what, topic, say),

    aws1(what, topic, say) {
        const device = require("aws-iot-device-sdk").device({
            host: "localhost", port: what.port, caPath: ca, certPath: what.cert, keyPath: what.key,
            clientId: what.device, protocol: "mqtts"});
        device.on("connect", () => say("connected"));
        device.on("message", (_, payload) => say(`told ${payload}`));
        device.on("error", (error) => say(`error ${error.message}`));
        device.subscribe(topic, {qos: 1});
    },

    async aws2(what, topic, say) {
        const {mqtt, iot} = require("aws-iot-device-sdk-v2");
        const builder = iot.AwsIotMqttConnectionConfigBuilder.new_mtls_builder_from_path(
            what.cert, what.key);
        builder.with_certificate_authority_from_path(undefined, ca);
        builder.with_clean_session(true);
        builder.with_client_id(what.device);
        builder.with_endpoint("localhost");
        const config = builder.build();
        config.port = what.port;
        const connection = new mqtt.MqttClient().new_connection(config);
        connection.on("resume", () => say("connected"));
        connection.on("error", (error) => say(`error ${error}`));
        await connection.connect();
        say("connected");
        await connection.subscribe(topic, mqtt.QoS.AtLeastOnce, (_, payload) =>
            say(`told ${Buffer.from(payload)}`));
    },

    // It does not subscribe again. Its subscribe_topic makes a regular expression of the topic as it
    // is, where "$" is an end, so that no such topic is ever found again.
    async u8(what, topic, say) {
        const {default: mqttClient} = await import(`${folder}/node_modules/u8-mqtt/esm/node/v4.js`);
        const client = mqttClient({log_conn() {}, async on_live(self, again) {
            if (again) {
                await self.connect();
                say("connected");
            }
        }}).with_tls(what.port, "localhost", {
            ca: fs.readFileSync(ca), cert: fs.readFileSync(what.cert), key: fs.readFileSync(what.key),
        }).with_autoreconnect(1000);
        await client.connect();
        say("connected");
        client.on_topic("*", (packet) => say(`told ${packet.utf8()}`));
        await client.subscribe([topic], {qos: 1});
    },
};

// A socket of u8-mqtt's that cannot connect has nobody to tell.
process.on("uncaughtException", (error) => console.log("uncaught", error.message));
process.on("unhandledRejection", (error) => console.log("unhandled", error?.message));

for (const text of all) {
    const what = JSON.parse(text);
    const say = (words) => console.log(`${what.device} ${words}`);
    clients[what.client](what, `$aws/things/${what.device}/tunnels/notify`, say);
}

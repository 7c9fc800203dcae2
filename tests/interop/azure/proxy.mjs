// Azure's local proxy sample, the service's side (azure-iothub and websocket-stream): each connection
// to one of its ports becomes a stream to a device.
//   proxy.mjs CONNECTION-STRING PORT FOLDER DEVICE STREAM...    FOLDER has the node_modules
// Says: STREAM listens on PORT; and for each connection: accepted, rejected, or error WHAT.
import {createRequire} from "node:module";
import net from "node:net";

const [connection, port, folder, device, ...streams] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const {Client} = require("azure-iothub");
const websocket = require("websocket-stream");
const rest = Client.fromConnectionString(connection)._restApiClient;
const path = (stream) =>
    `/twins/${encodeURIComponent(device)}/streams/${stream}?api-version=2018-10-20-preview`;

// The SDK goes to port 443 and says so in Host, from which the URL of the bridge is made.
const headers = () => ({
    "Host": `localhost:${port}`, "iothub-streaming-connect-timeout-in-seconds": 30,
    "iothub-streaming-response-timeout-in-seconds": 30});

function pass(local, answer) {
    const bridge = websocket(answer["iothub-streaming-url"], {
        headers: {Authorization: `Bearer ${answer["iothub-streaming-auth-token"]}`}});
    bridge.on("error", (error) => local.destroy(console.log("error", error.message)));
    local.on("error", () => bridge.destroy());
    bridge.pipe(local);
    local.pipe(bridge);
}

function ask(stream, local) {
    rest.executeApiCall("POST", path(stream), headers(), undefined, 70000, {port: Number(port)}, (error, _, response) => {
        const accepted = response?.headers["iothub-streaming-is-accepted"] === "True";
        console.log(error ? `error ${error.name} ${error.message}` : accepted ? "accepted" : "rejected");
        if (accepted)
            pass(local, response.headers);
        else
            local.destroy();
    });
}

for (const stream of streams) {
    const server = net.createServer((local) => ask(stream, local));
    server.listen(0, "127.0.0.1", () => console.log(`${stream} listens on ${server.address().port}`));
}

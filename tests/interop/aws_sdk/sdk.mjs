// AWS's SDK for JavaScript, told what to do line by line:
//   sdk.mjs ENDPOINT FOLDER    FOLDER has the node_modules
// In: {"operation":"OpenTunnel","input":{…},"key":["ID","SECRET"]}; "key" may be left out after
// the first time. Out: {"output":{…},"attempts":1,"connections":1} or {"error":{…},…}.
import {createRequire} from "node:module";
import https from "node:https";
import readline from "node:readline";

const [endpoint, folder] = process.argv.slice(2);
const sdk = createRequire(`${folder}/`)("@aws-sdk/client-iotsecuretunneling");

let connections = 0;
class CountingAgent extends https.Agent {
    createConnection(...args) {
        connections++;
        return super.createConnection(...args);
    }
}
const agent = new CountingAgent({keepAlive: true});

function clientFor([accessKeyId, secretAccessKey]) {
    return new sdk.IoTSecureTunnelingClient({
        endpoint,
        region: "us-east-1",
        credentials: {accessKeyId, secretAccessKey},
        requestHandler: {httpsAgent: agent},
    });
}

// Which of the service's own exceptions it is, as a program would ask.
function classOf(error) {
    const typed = ["ResourceNotFoundException", "LimitExceededException"];
    const found = typed.find((name) => error instanceof sdk[name]);
    return found ?? (error instanceof sdk.IoTSecureTunnelingServiceException ? "service" : "other");
}

async function attempt(client, {operation, input}) {
    try {
        const {$metadata, ...output} = await client.send(new sdk[`${operation}Command`](input));
        return {output, attempts: $metadata.attempts, requestId: $metadata.requestId};
    } catch (error) {
        const {name, message, $metadata} = error;
        return {
            error: {name, message, class: classOf(error), status: $metadata?.httpStatusCode},
            attempts: $metadata?.attempts,
            requestId: $metadata?.requestId,
        };
    }
}

// Dates are told apart from numbers and strings.
Date.prototype.toJSON = function () {
    return {date: this.getTime()};
};

let client;
for await (const line of readline.createInterface({input: process.stdin})) {
    const wanted = JSON.parse(line);
    if (wanted.key) {
        client = clientFor(wanted.key);
    }
    const result = await attempt(client, wanted);
    console.log(JSON.stringify({...result, connections}));
}
agent.destroy();

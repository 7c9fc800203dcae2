// Azure's service SDK (azure-iothub), told what to ask line by line:
//   service.mjs CONNECTION-STRING PORT FOLDER    FOLDER has the node_modules
// In: {"path":"/twins/…","headers":{…}}. Out: {"headers":{…}} or {"error":{…}}. The SDK has no call
// for streams, which only a branch of it had; its REST client with its signature, its headers and
// its mapping of errors is what that branch's call is made of.
import {createRequire} from "node:module";
import readline from "node:readline";

const [connection, port, folder] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const {Client} = require("azure-iothub");
// The one that azure-iothub has, of which there are several versions.
const {errors} = createRequire(require.resolve("azure-iothub"))("azure-iot-common");
const rest = Client.fromConnectionString(connection)._restApiClient;

// Which of the SDK's errors it is, as a program would ask.
function classOf(error) {
    return Object.keys(errors).find((name) => error.constructor === errors[name]) ?? "Error";
}

function ask({path, headers}) {
    return new Promise((resolve) => {
        rest.executeApiCall("POST", path, headers, undefined, 70000, {port: Number(port)}, (error, _, response) => {
            if (error)
                resolve({error: {class: classOf(error), message: error.message}});
            else
                resolve({headers: response.headers, status: response.statusCode});
        });
    });
}

for await (const line of readline.createInterface({input: process.stdin}))
    console.log(JSON.stringify(await ask(JSON.parse(line))));
process.exit(0);

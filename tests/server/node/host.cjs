// The loop of a Lambda runtime: fetch an invocation, call the handler, post what became of it.
"use strict";

const http = require("node:http");
const path = require("node:path");

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
// An invocation is waited for as long as it takes; `fetch` would give up after five minutes.
const agent = new http.Agent({ keepAlive: true });

function request(method, resource, body) {
  return new Promise((resolve, reject) => {
    const options = { host, port, method, agent, path: `/2018-06-01/runtime/${resource}` };
    const call = http.request(options, (reply) => {
      const chunks = [];
      reply.on("data", (chunk) => chunks.push(chunk));
      reply.on("error", reject);
      reply.on("end", () => resolve({ headers: reply.headers, text: Buffer.concat(chunks).toString() }));
    });
    call.on("error", reject);
    call.end(body);
  });
}

async function main() {
  const [file, name] = process.argv[2].split(":");
  const handler = require(path.resolve(file))[name];
  for (;;) {
    const { headers, text } = await request("GET", "invocation/next");
    const id = headers["lambda-runtime-aws-request-id"];
    const deadline = Number(headers["lambda-runtime-deadline-ms"]);
    const context = {
      awsRequestId: id,
      invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
      getRemainingTimeInMillis: () => deadline - Date.now(),
    };
    try {
      const answer = await handler(JSON.parse(text), context);
      await request("POST", `invocation/${id}/response`, JSON.stringify(answer));
    } catch (error) {
      const told = { errorType: error.name, errorMessage: error.message, stackTrace: error.stack.split("\n") };
      await request("POST", `invocation/${id}/error`, JSON.stringify(told));
    }
  }
}

main();

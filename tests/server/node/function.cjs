// A durable function on the official JavaScript SDK: a step that is retried, a wait, a child, a callback, a map.
"use strict";

const fs = require("node:fs");
const { withDurableExecution } = require("@aws/durable-execution-sdk-js");

exports.handler = withDurableExecution(async (order, context) => {
  const note = (line) => fs.appendFileSync(order.notes, `${line}\n`);

  const price = await context.step(
    "price",
    async (step) => {
      note("price");
      if (fs.readFileSync(order.notes, "utf8") === "price\n") throw new Error("not yet");
      return 20 * order.quantity;
    },
    { retryStrategy: (error, attempt) => ({ shouldRetry: attempt < 3, delay: { seconds: 1 } }) },
  );
  await context.wait("cool-down", { seconds: 1 });
  const paid = await context.runInChildContext("pay", async (child) =>
    child.step("charge", async () => {
      note("charge");
      return `paid ${price}`;
    }),
  );
  const [approval, callbackId] = await context.createCallback("approval", { timeout: { minutes: 5 } });
  await context.step("ask", async () => fs.writeFileSync(order.asked, callbackId));
  const answer = await approval;
  const parcels = await context.map("pack", order.parcels, async (each, parcel, index) =>
    each.step(`pack ${parcel}`, async () => {
      note(`pack ${parcel}`);
      return `${parcel} is ${index}`;
    }),
  );
  return { paid, answer, parcels: parcels.getResults() };
});

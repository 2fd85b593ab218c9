// Durable functions on the official JavaScript SDK, an operation each. The event says which one.
"use strict";

const { withDurableExecution } = require("@aws/durable-execution-sdk-js");

const soon = { seconds: 1 };
const failUntil = (last) => async (step) => {
  if (step.attempt < last) throw new Error(`attempt ${step.attempt}`);
  return step.attempt;
};
const again = (most) => ({ retryStrategy: (error, attempt) => ({ shouldRetry: attempt < most, delay: soon }) });
const refuse = (why) => async () => {
  throw new RangeError(why);
};
const told = (batch) => ({
  results: batch.getResults(),
  failed: batch.failed().map((item) => item.index),
  reason: batch.completionReason,
});

const programs = {
  retried_step: (event, context) => context.step("flaky", failUntil(3), again(3)),

  failed_step: async (event, context) => {
    try {
      return await context.step("charge", refuse("no funds"), again(2));
    } catch (error) {
      return [error.constructor.name, error.cause.message];
    }
  },

  at_most_once: (event, context) => context.step("charge", async () => "paid", { semantics: "AT_MOST_ONCE_PER_RETRY" }),

  wait: async (event, context) => {
    await context.wait("short", soon);
    return "waited";
  },

  callback: async (event, context) => {
    const [answer] = await context.createCallback("approval", { timeout: { minutes: 5 }, heartbeatTimeout: { minutes: 1 } });
    return answer;
  },

  refused_callback: async (event, context) => {
    try {
      return await context.waitForCallback("approval", async () => {}, { timeout: { minutes: 5 } });
    } catch (error) {
      return [error.constructor.name, error.message];
    }
  },

  lapsed_callback: async (event, context) => {
    const [answer] = await context.createCallback("approval", { timeout: { minutes: 5 }, heartbeatTimeout: soon });
    return answer.catch((error) => [error.constructor.name, error.message]);
  },

  condition: (event, context) =>
    context.waitForCondition("ready", async (state) => state + 1, {
      initialState: 0,
      waitStrategy: (state) => ({ shouldContinue: state < 3, delay: soon }),
    }),

  child: (event, context) =>
    context.runInChildContext("child", async (child) => {
      const inside = await child.step("in it", async () => 1);
      await child.wait("in it too", soon);
      return [inside, await child.step("in it still", async () => 2)];
    }),

  parallel: async (event, context) =>
    told(
      await context.parallel("both", [
        { name: "quick", func: (branch) => branch.step("quick is done", async () => "quick") },
        {
          name: "slow",
          func: async (branch) => {
            await branch.wait("slow", soon);
            return "slow";
          },
        },
      ]),
    ),

  map: async (event, context) => {
    const each = (item, number) =>
      item.step(`double ${number}`, async () => (number === 2 ? refuse("two")() : 2 * number), again(1));
    return told(await context.map("each", [1, 2, 3], each, { completionConfig: { toleratedFailureCount: 1 } }));
  },

  invoke: (event, context) => context.invoke("price", "programs:$LATEST", { program: "at_most_once" }),

  refused_invoke: async (event, context) => {
    try {
      return await context.invoke("price", "programs:$LATEST", { program: "failure" });
    } catch (error) {
      return [error.constructor.name, error.message];
    }
  },

  large_result: async () => "x".repeat(6 * 1024 * 1024 - 20),

  failure: async (event, context) => {
    await context.step("before", async () => 1);
    await refuse("the whole of it")();
  },

  uncaught_step: (event, context) => context.step("charge", refuse("no funds"), again(1)),
};

exports.handler = withDurableExecution(async (event, context) => programs[event.program](event, context));

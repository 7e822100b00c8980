import { testChaos } from "@spanloom/testing";
import { afterAll, beforeAll } from "vitest";
import { PostgresChaos } from "./postgres-chaos.ts";

let postgres: PostgresChaos;
beforeAll(async () => {
  postgres = await PostgresChaos.start(process.env.SPANLOOM_TEST_DATABASE_URL, `chaos_${process.pid}`);
});
afterAll(() => postgres[Symbol.asyncDispose]());

// Half the steps: each costs a commit with a round trip.
testChaos(
  { name: "postgres", supported: {}, open: (setup) => postgres.open(setup) },
  { from: 1, count: 20, each: 10, steps: 60 },
);

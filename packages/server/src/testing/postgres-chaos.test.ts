import { testChaos } from "@spanloom/testing";
import { afterAll } from "vitest";
import { PostgresChaos } from "./postgres-chaos.ts";

// P7 on PostgreSQL, whose connections are cut, too.
const subject = await PostgresChaos.start(process.env.SPANLOOM_TEST_DATABASE_URL, `chaos_test_${process.pid}`);
afterAll(() => subject[Symbol.asyncDispose]());

testChaos(subject, { from: 1, count: 12, each: 4 });

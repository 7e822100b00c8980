import { testChaos } from "@spanloom/testing";
import { sqliteChaos } from "./sqlite-chaos.ts";

// P7: every answer is one that the reference model gives, whatever is killed, repeated or late.
testChaos(sqliteChaos, { from: 1, count: 30 });

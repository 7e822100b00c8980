import { testChaos } from "@spanloom/testing";
import { sqliteChaos } from "./sqlite-chaos.ts";

testChaos(sqliteChaos, { from: 1, count: 80 });

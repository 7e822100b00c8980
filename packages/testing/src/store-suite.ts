import { describe } from "vitest";
import { commitCases } from "./store-suite/commit-cases.ts";
import type { MakeStore } from "./store-suite/driver.ts";
import { failureCases } from "./store-suite/failure-cases.ts";
import { leaseCases } from "./store-suite/lease-cases.ts";
import { randomSchedules } from "./store-suite/random-schedule.ts";
import { readCases } from "./store-suite/read-cases.ts";
import { scenariosOf } from "./store-suite/scenario.ts";
import { treeCases } from "./store-suite/tree-cases.ts";

/** The suite every control-plane store passes. Declares vitest tests under `name`. */
export function testStore(name: string, makeStore: MakeStore): void {
  const scenario = scenariosOf(makeStore);
  describe(name, () => {
    describe("trees", () => treeCases(scenario));
    describe("failures", () => failureCases(scenario));
    describe("leases", () => leaseCases(scenario));
    describe("commits", () => commitCases(scenario));
    describe("reads", () => readCases(scenario));
    describe("random schedules", () => randomSchedules(scenario));
  });
}

import { describe, expect, test } from "vitest";
import { admissionCases } from "./store-suite/admission-cases.ts";
import { cloneCases } from "./store-suite/clone-cases.ts";
import { commitCases } from "./store-suite/commit-cases.ts";
import { definitionCases } from "./store-suite/definition-cases.ts";
import type { MakeStore } from "./store-suite/driver.ts";
import { eventCases } from "./store-suite/event-cases.ts";
import { failureCases } from "./store-suite/failure-cases.ts";
import { jobEventCases } from "./store-suite/job-event-cases.ts";
import { jobTriggerCases } from "./store-suite/job-trigger-cases.ts";
import { leaseCases } from "./store-suite/lease-cases.ts";
import { randomSchedules } from "./store-suite/random-schedule.ts";
import { randomTriggers } from "./store-suite/random-triggers.ts";
import { readCases } from "./store-suite/read-cases.ts";
import { repeatedRetryCases } from "./store-suite/repeated-retry-cases.ts";
import { retryCases } from "./store-suite/retry-cases.ts";
import { runnerCases } from "./store-suite/runner-cases.ts";
import { type Cases, declareCases } from "./store-suite/scenario.ts";
import { scheduleFiringCases } from "./store-suite/schedule-firing-cases.ts";
import { treeCases } from "./store-suite/tree-cases.ts";

/** What every control-plane store must do, by chapter. */
export const storeCases: Readonly<Record<string, Cases>> = {
  trees: treeCases,
  failures: failureCases,
  leases: leaseCases,
  admission: admissionCases,
  commits: commitCases,
  reads: readCases,
  retries: retryCases,
  "repeated retries": repeatedRetryCases,
  clones: cloneCases,
  runners: runnerCases,
  definitions: definitionCases,
  "schedule firings": scheduleFiringCases,
  events: eventCases,
  "job events": jobEventCases,
  "jobs by what set them going": jobTriggerCases,
  "random triggers": randomTriggers,
  "random schedules": randomSchedules,
};

/**
 * The suite every control-plane store passes. Declares vitest tests under `name`.
 *
 * What a store cannot do is named in `optOuts`, with the reason; a name that no case has fails.
 */
export function testStore(name: string, makeStore: MakeStore, optOuts: Readonly<Record<string, string>> = {}): void {
  describe(name, () => {
    test("every opt-out names a case", () => {
      const names = new Set(Object.values(storeCases).flatMap((cases) => Object.keys(cases)));
      expect(Object.keys(optOuts).filter((optOut) => !names.has(optOut))).toEqual([]);
    });
    for (const [chapter, cases] of Object.entries(storeCases)) {
      const served = Object.entries(cases).filter(([sentence]) => optOuts[sentence] === undefined);
      describe(chapter, () => declareCases(Object.fromEntries(served), makeStore));
    }
  });
}

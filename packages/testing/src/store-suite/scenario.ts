import { test } from "vitest";
import { type MakeStore, StoreDriver } from "./driver.ts";
import { checkInvariants } from "./invariants.ts";

/** What a store must do, by the sentence that says so. */
export type Cases = Readonly<Record<string, (driver: StoreDriver) => Promise<void>>>;

/** Declares one test per case, each over a fresh store whose record is checked for consistency afterwards. */
export function declareCases(cases: Cases, makeStore: MakeStore): void {
  for (const [name, body] of Object.entries(cases)) {
    test(name, async () => {
      await using driver = await StoreDriver.open(makeStore);
      await body(driver);
      await checkInvariants(driver);
    });
  }
}

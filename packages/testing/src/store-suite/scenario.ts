import { test } from "vitest";
import { type MakeStore, StoreDriver } from "./driver.ts";
import { checkInvariants } from "./invariants.ts";

/** Declares one test over a fresh store; the record is checked for consistency when it is done. */
export type Scenario = (name: string, body: (driver: StoreDriver) => Promise<void>) => void;

/** Scenarios over stores made by `makeStore`. */
export function scenariosOf(makeStore: MakeStore): Scenario {
  return (name, body) =>
    test(name, async () => {
      await using driver = await StoreDriver.open(makeStore);
      await body(driver);
      await checkInvariants(driver);
    });
}

import { ErrorReason } from "@spanloom/protocol";
import { expect, it } from "vitest";
import { queryHint } from "./query-hint.ts";

it("there is a hint for what a query can be refused for, and none for what is not known", () => {
  for (const reason of ["LIMIT_EXCEEDED", "OVERLOADED", "TELEMETRY_UNAVAILABLE"] as const) {
    expect(ErrorReason[reason], reason).toBeGreaterThan(0);
    expect(queryHint(reason), reason).toMatch(/\.$/);
  }
  expect([queryHint("NOTHING"), queryHint(undefined)]).toEqual([undefined, undefined]);
});

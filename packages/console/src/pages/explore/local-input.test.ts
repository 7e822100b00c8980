import { expect, it } from "vitest";
import { localInput, parseLocalInput } from "./local-input.ts";

it("a moment is the same when it is written for a field and read back", () => {
  const ms = new Date(2026, 0, 2, 3, 4, 5, 67).getTime();
  expect(localInput(String(ms))).toBe("2026-01-02T03:04:05.067");
  expect(parseLocalInput(localInput(String(ms)))).toBe(ms);
  expect([localInput(""), localInput("x"), parseLocalInput("")]).toEqual(["", "", undefined]);
});

import { timestampFromUs } from "@spanloom/protocol";
import { expect, it } from "vitest";
import { zonedTime } from "./zoned-time.ts";

const at = timestampFromUs(Date.UTC(2026, 6, 1, 0) * 1_000)!;

it.each([
  ["Europe/Berlin", "America/New_York", "02:00 in Europe/Berlin"],
  ["UTC", "Asia/Kolkata", "00:00 in UTC"],
  ["Europe/Berlin", "Europe/Berlin", ""],
  ["Europe/Berlin", "Europe/Paris", ""],
  ["Moon/Crater", "Europe/Paris", ""],
])("a time of %s, read in %s, is told as %j", (zone, readers, text) => {
  expect(zonedTime(at, zone, readers)).toBe(text);
});

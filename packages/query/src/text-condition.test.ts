import { expect, it } from "vitest";
import { textCondition } from "./text-condition.ts";

it.each([
  ["load", { contains: "load" }],
  ["=load", { exact: "load" }],
  ["^load", { prefix: "load" }],
  ["/lo+ad/", { regex: "lo+ad" }],
  ["/", { contains: "/" }],
  ["//", { contains: "//" }],
  ["/v1/traces", { contains: "/v1/traces" }],
])("%j is the condition %j", (text, condition) => {
  expect(textCondition(text)).toEqual(condition);
});

import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { errorStack } from "./error-stack.ts";
import { toTaskFailure } from "./failure.ts";

/** The lines that are no frames. */
const headlines = (error: Error): string[] =>
  errorStack(error)
    .split("\n")
    .filter((line) => !/^ +at /.test(line));

describe("the stack of an error", () => {
  it("goes on with its causes, also with one that is no error", () => {
    const cause = new TypeError("socket", { cause: { code: "ECONNRESET" } });
    expect(headlines(new Error("fetch", { cause }))).toEqual([
      "Error: fetch",
      "Caused by: TypeError: socket",
      "Caused by: { code: 'ECONNRESET' }",
    ]);
  });

  it("tells every error of an AggregateError, which has nothing to tell itself", async () => {
    const [first, second] = [new Error("::1 refused"), new RangeError("127.0.0.1 refused")];
    const failed = await Promise.any([Promise.reject(first), Promise.reject(second)]).catch((error: Error) => error);
    expect(headlines(new Error("fetch", { cause: failed }))).toEqual([
      "Error: fetch",
      "Caused by: AggregateError: All promises were rejected",
      "1 of 2: Error: ::1 refused",
      "2 of 2: RangeError: 127.0.0.1 refused",
    ]);
  });

  it("tells both errors of a SuppressedError", () => {
    expect(headlines(new SuppressedError(new Error("close"), new Error("work"), "both"))).toEqual([
      "SuppressedError: both",
      "Thrown: Error: close",
      "Suppressed: Error: work",
    ]);
  });

  it("ends when causes go in a circle, and after 16 errors", () => {
    const circle = new Error("a");
    circle.cause = new Error("b", { cause: circle });
    expect(headlines(circle)).toEqual(["Error: a", "Caused by: Error: b"]);
    const many = new AggregateError(Array.from({ length: 100 }, (_, i) => new Error(String(i))));
    expect(headlines(many)).toHaveLength(16);
  });
});

it("an error of another realm is an error, and an object that is not JSON is shown", () => {
  const foreign = runInNewContext('new RangeError("far")') as Error;
  expect(toTaskFailure(foreign)).toMatchObject({ type: "RangeError", message: "far" });
  expect(toTaskFailure({ code: 7, size: 12n })).toMatchObject({ type: "object", message: "{ code: 7, size: 12n }" });
});

import { describe, expect, it } from "vitest";
import { isTaskDefinition, task } from "./task.ts";

const run = (): void => undefined;

describe("task()", () => {
  it("takes version 1.0 when none is given, and keeps its options", () => {
    const add = task({ name: "add", queue: "q", retry: { maxAttempts: 3 }, timeoutMs: 5_000, run });
    expect(add.version).toBe("1.0");
    expect(add.options).toEqual({ queue: "q", retry: { maxAttempts: 3 }, timeoutMs: 5_000 });
    expect(isTaskDefinition(add)).toBe(true);
  });

  it.each([
    ["name", { name: "" }, 'cannot define task "": name has 0 bytes, must have 1..256'],
    ["name", { name: "x".repeat(257) }, "name has 257 bytes"],
    ["version", { name: "a", version: "1" }, 'version is "1", must be "major.minor"'],
    ["timeoutMs", { name: "a", timeoutMs: 0 }, "timeoutMs is 0, must be a number of at least 1"],
    ["queue", { name: "a", queue: "" }, 'queue is "", must be a name'],
    ["retry.maxAttempts", { name: "a", retry: { maxAttempts: 0 } }, "retry.maxAttempts is 0, must be a whole number"],
    ["retry.factor", { name: "a", retry: { factor: 0.5 } }, "retry.factor is 0.5, must be a number in 1..100"],
    ["retry.jitter", { name: "a", retry: { jitter: 2 } }, "retry.jitter is 2, must be a number in 0..1"],
    ["priority", { name: "a", priority: 1.5 }, "priority is 1.5, must be a whole number"],
  ])("refuses a bad %s and names it", (field, config, message) => {
    const define = () => task({ ...config, run });
    expect(define).toThrow(message);
    expect(define).toThrow(expect.objectContaining({ reason: "INVALID_FIELD", facts: { field } }));
  });

  it("keeps `this` of the object it was given", async () => {
    const config = {
      name: "self",
      greeting: "hi",
      run(): string {
        return this.greeting;
      },
    };
    expect(await task(config).run(undefined, undefined as never)).toBe("hi");
  });
});

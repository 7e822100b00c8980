import { expect, it } from "vitest";
import { runSteps, type Subject } from "./subject.ts";
import { summaryOf, usageOf } from "./summary.ts";

it("tells on one line what failed, what passed, and why the rest was skipped", () => {
  const line = summaryOf(
    new Map([
      ["python", { state: "passed", detail: "ruff, pytest" }],
      ["go", { state: "skipped", detail: "there is no Go 1.26 or newer on PATH: install it" }],
      ["demo", { state: "failed", detail: "vitest ended with exit code 1" }],
    ]),
  );
  expect(line).toBe(
    "clients: failed: demo (vitest ended with exit code 1); passed: python (ruff, pytest); " +
      "skipped: go (there is no Go 1.26 or newer on PATH: install it)",
  );
});

it("names every subject in its usage, and the program that options go to", () => {
  const subject: Subject = { name: "go", about: "clients/go", optionsOf: "go test", test: async () => never() };
  expect(usageOf([subject])).toContain("  go  clients/go; options: go test\n");
});

it("stops at the first step that fails, and names it", async () => {
  const ran: string[] = [];
  const outcome = await runSteps(
    [
      ["format", "gofmt"],
      ["vet", "go", "vet"],
      ["tests", "go", "test"],
    ],
    async (program, args) => {
      ran.push([program, ...args].join(" "));
      return args[0] === "vet" ? 7 : 0;
    },
  );
  expect(outcome).toEqual({ state: "failed", detail: "vet ended with exit code 7" });
  expect(ran).toEqual(["gofmt", "go vet"]);
});

function never(): never {
  throw new Error("cannot be reached");
}

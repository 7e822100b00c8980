import { expect, test } from "vitest";
import { Cursor } from "../cases/cursor.ts";
import { readRunnerSteps } from "./read-runner-steps.ts";

const read = (text: string) => readRunnerSteps(Cursor.parse("some.yaml", text));

test("steps are read with their durations and what they are about", () => {
  const text = `
- process: { concurrency: 2, grace: 1.5s, lease: 3s, away: true }
- offer: { as: a, task: conformance.echo, input: 1 }
- answer: a
  with: LOST
  times: 2
- await: heartbeats
  of: a
  expect: !atLeast 1
  until: 5s
`;
  expect(read(text)).toMatchObject([
    { kind: "process", runner: { concurrency: 2, graceMs: 1500 }, server: { leaseMs: 3000 }, away: true },
    { kind: "offer", as: "a", line: 3 },
    { kind: "answer", task: "a", answer: "LOST", times: 2 },
    { kind: "look", view: "heartbeats", of: "a", untilMs: 5000, first: false },
  ]);
});

test("what stops a runner or its server is refused in a case that shares them", () => {
  expect(() => read("- signal: SIGTERM")).toThrow("some.yaml:1: signal needs a process of its own: begin with process");
  expect(() => read("- server: away")).toThrow("server needs a process of its own");
  expect(() => read("- lose: a\n- process: {}")).toThrow("a process of its own is asked for by the first step");
});

test("what is no step, field, view or name is refused with its place", () => {
  expect(() => read("- offers: {}")).toThrow("some.yaml:1: [0]: must have one of the fields process, offer");
  expect(() => read("- offer: { as: a, inputs: 1 }")).toThrow('"inputs" is no field here');
  expect(() => read("- offer: { input: 1 }")).toThrow('the field "as" is missing');
  expect(() => read("- check: result")).toThrow('"result" is none of results, spans');
  expect(() => read("- check: spans")).toThrow('spans are of a task: name it in the field "of"');
  expect(() => read("- cancel: a\n  by: post")).toThrow('"post" is none of heartbeat, lease');
});

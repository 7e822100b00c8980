import { create } from "@bufbuild/protobuf";
import { durationFromMs, SubmitJobRequestSchema, timestampFromUs } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { parseDuration } from "../../text/parse-duration.ts";
import { type Draft, DraftProblem, emptyDraft, toSubmission } from "./submission-draft.ts";

const typed = (draft: Partial<Draft>) => toSubmission({ ...emptyDraft, task: "add", ...draft }, "random");

describe("what is typed to submit a job", () => {
  it("is a job of one task, named for it, with nothing that was not typed", () => {
    expect(create(SubmitJobRequestSchema, typed({ task: " add ", input: " {} " }))).toEqual(
      create(SubmitJobRequestSchema, {
        name: "add",
        idempotencyKey: "random",
        tasks: {
          specs: [{ identifier: { name: "add" } }],
          groups: [{ inputs: [new TextEncoder().encode("{}")], specs: [0] }],
        },
      }),
    );
  });

  it("is sent with its options", () => {
    const local = "2026-12-01T09:30";
    const { tasks, ...job } = typed({
      name: "sums",
      queue: "bulk",
      tags: "a=1",
      priority: "-3",
      attempts: "5",
      attemptTimeout: "30s",
      queueTimeout: "1h 30m",
      startAt: local,
      deadline: "2d",
      idempotencyKey: "sums-7",
    });
    expect(job).toEqual({
      name: "sums",
      queue: "bulk",
      tags: { a: "1" },
      priority: -3,
      idempotencyKey: "sums-7",
      startAt: timestampFromUs(new Date(local).getTime() * 1_000),
      deadline: durationFromMs(172_800_000),
    });
    expect(tasks?.specs?.[0]).toMatchObject({
      retry: { maxAttempts: 5 },
      attemptTimeout: durationFromMs(30_000),
      queueTimeout: durationFromMs(5_400_000),
    });
  });

  it.each([
    [{ input: "{" }, /^The input is no JSON: /],
    [{ attempts: "many" }, "Attempts “many” is no whole number."],
    [{ priority: "1.5" }, "Priority “1.5” is no whole number."],
    [{ deadline: "soon" }, "Deadline “soon” is no length of time, such as 30s or 1h 30m."],
    [{ attemptTimeout: "30" }, /^Attempt timeout “30”/],
    [{ startAt: "tomorrow" }, "Start “tomorrow” is no time."],
  ])("as %j is refused by the name of its field", (draft, message) => {
    expect(() => typed(draft)).toThrow(message);
    expect(() => typed(draft)).toThrow(DraftProblem);
  });
});

it.each([
  ["250ms", 250],
  ["30s", 30_000],
  ["1h 30m", 5_400_000],
  ["1h30m", 5_400_000],
  [" 2.5 m ", 150_000],
  ["1d", 86_400_000],
  ["", undefined],
  ["30", undefined],
  ["-1s", undefined],
  ["1w", undefined],
  ["s", undefined],
])("the length of time %j is %j ms", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

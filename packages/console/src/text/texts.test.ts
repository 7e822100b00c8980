import { JobState, TaskState, TriggerType } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { durationText, secondsText } from "./duration-text.ts";
import { isEnded, jobStateName, jobStates } from "./job-states.ts";
import { payloadBytes, payloadText } from "./payload.ts";
import { shortId } from "./short-id.ts";
import { formatTags, parseTags } from "./tag-list.ts";
import { taskStateText } from "./task-states.ts";
import { relativeTime, skewText } from "./time-text.ts";
import { triggerTypeName } from "./trigger-types.ts";

describe("lengths of time", () => {
  it.each([
    [-3, "0ms"],
    [0, "0ms"],
    [0.0004, "1µs"],
    [0.25, "250µs"],
    [3.94, "3.9ms"],
    [52.4, "52ms"],
    [999.4, "999ms"],
    [999.6, "1.0s"],
    [1_250, "1.3s"],
    [9_949, "9.9s"],
    [9_950, "10s"],
    [59_600, "1m"],
    [192_000, "3m 12s"],
    [3_600_000, "1h"],
    [3_661_000, "1h 1m"],
    [90_000_000, "1d 1h"],
  ])("of %d ms read %j", (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  it("of what goes on are told in whole seconds", () => {
    expect([-5, 0, 999, 1_000, 9_999, 61_500].map(secondsText)).toEqual(["0s", "0s", "0s", "1s", "9s", "1m 1s"]);
  });
});

it.each([
  [0, "agrees with this browser's"],
  [-1_900, "agrees with this browser's"],
  [192_000, "3m 12s ahead of this browser's; ages are told by the server's"],
  [-3_600_000, "1h behind this browser's; ages are told by the server's"],
])("a server's clock that is %d ms ahead %j", (aheadMs, text) => {
  expect(skewText(aheadMs)).toBe(text);
});

describe("times", () => {
  const now = Date.UTC(2026, 10, 21, 12);
  it.each([
    [now, "now"],
    [now + 1_900, "now"],
    [now - 5_300, "5s ago"],
    [now - 61_000, "1m ago"],
    [now - 7_200_000, "2h ago"],
    [now - 3 * 86_400_000, "3d ago"],
    [now + 3_600_000, "in 1h"],
    [now - 8 * 86_400_000, "2026-11-13"],
  ])("are told from now: %d is %j", (at, text) => {
    expect(relativeTime(at, now)).toBe(text);
  });
});

describe("states", () => {
  it("all have a name of their own", () => {
    const known = Object.values(JobState).filter((state) => typeof state === "number" && state !== 0) as JobState[];
    expect(new Set(known.map(jobStateName)).size).toBe(known.length);
    expect(jobStates).toHaveLength(known.length);
    expect(known.filter(isEnded).map(jobStateName)).toEqual(["succeeded", "failed", "cancelled"]);
    expect(jobStateName(99 as JobState)).toBe("queued");
    const tasks = Object.values(TaskState).filter((state) => typeof state === "number") as TaskState[];
    expect(new Set(tasks.map((state) => taskStateText(state).name)).size).toBe(tasks.length);
    expect(taskStateText(99 as TaskState).name).toBe("unknown");
  });

  it("of what sets jobs going have the names of the protocol", () => {
    expect(triggerTypeName(TriggerType.WEBHOOK)).toBe("webhook");
    expect(triggerTypeName(undefined)).toBe("manual");
  });
});

describe("tags", () => {
  it("stay the same when they are written and read", () => {
    const tags = { region: "eu", owner: "ann=2", empty: "" };
    expect(formatTags(tags)).toBe("region=eu, owner=ann=2, empty=");
    expect(parseTags(formatTags(tags))).toEqual(tags);
  });

  it("are read as people type them", () => {
    expect(parseTags(" a = 1 ,, b, =c")).toEqual({ a: "1", b: "" });
    expect(parseTags("")).toEqual({});
  });
});

describe("payloads", () => {
  it("that are JSON are laid out to be edited, and sent without the layout", () => {
    const bytes = new TextEncoder().encode('{"a":[1]}');
    expect(payloadText(bytes)).toBe('{\n  "a": [\n    1\n  ]\n}');
    expect(payloadBytes(payloadText(bytes))).toEqual(bytes);
  });

  it("that are empty or no JSON stay what they are", () => {
    expect(payloadText(new Uint8Array())).toBe("");
    expect(payloadBytes(" \n")).toEqual(new Uint8Array());
    expect(payloadText(new TextEncoder().encode("no json"))).toBe("no json");
    expect(() => payloadBytes("{")).toThrow(SyntaxError);
  });
});

it("ids are told by their ends", () => {
  expect(shortId("01a1ff6e-f981-7000-b4c1-e26261ed50d7")).toBe("e26261ed50d7");
  expect(shortId("short")).toBe("short");
});

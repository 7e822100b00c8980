import { create } from "@bufbuild/protobuf";
import { durationFromMs, OverlapPolicy, ScheduleSchema, ScheduleSpecSchema, timestampFromUs } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { secondTime } from "../../text/time-text.ts";
import { overlapText, submitsText, timesText } from "./schedule-text.ts";

const spec = (times: object) => create(ScheduleSpecSchema, { times: times as never });

describe("the times of a schedule", () => {
  it("read as they were written, with the zone they are of", () => {
    const daily = { expression: "0 2 * * *", timeZone: "Europe/Berlin" };
    expect(timesText(spec({ case: "cron", value: daily }))).toBe("0 2 * * * Europe/Berlin");
    expect(timesText(spec({ case: "cron", value: { expression: "@daily" } }))).toBe("@daily UTC");
    expect(timesText(spec({ case: "interval", value: { every: durationFromMs(90_000) } }))).toBe("every 1m 30s");
    const ms = Date.UTC(2027, 0, 1, 9);
    expect(timesText(spec({ case: "once", value: timestampFromUs(ms * 1_000) }))).toBe(`once, ${secondTime(ms)}`);
    expect(timesText(undefined)).toBe("never");
  });

  it("skip where nothing else was chosen", () => {
    expect(overlapText(OverlapPolicy.UNSPECIFIED)).toBe(overlapText(OverlapPolicy.SKIP));
    expect(overlapText(99 as never)).toBe(overlapText(OverlapPolicy.SKIP));
  });
});

it("what a schedule submits is told by the names of its tasks, each once", () => {
  const specs = ["add", "add", "mail"].map((name) => ({ identifier: { name } }));
  expect(submitsText(create(ScheduleSchema, { job: { tasks: { specs } } }))).toBe("add, mail");
  expect(submitsText(create(ScheduleSchema))).toBe("");
});

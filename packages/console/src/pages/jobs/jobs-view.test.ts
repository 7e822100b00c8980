import { JobState, TriggerType, usFromTimestamp } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { matches } from "./job-table.tsx";
import {
  formatJobsView,
  fromMs,
  isFiltered,
  type JobsView,
  parseJobsView,
  toJobFilter,
  withTimes,
} from "./jobs-view.ts";

const view: JobsView = {
  states: ["running", "failed"],
  name: "nightly",
  tags: { region: "eu", owner: "a&b" },
  queue: "gpu",
  runner: "r1",
  from: "schedule",
  schedule: "hourly",
  trigger: "t",
  period: "6h",
  search: "x y",
  page: "token",
  anchor: "1234",
};

describe("the view of jobs", () => {
  it("stands whole in the URL", () => {
    expect(parseJobsView(formatJobsView(view))).toEqual(view);
    expect(formatJobsView(parseJobsView(""))).toBe("");
  });

  it("leaves out what it does not know", () => {
    expect(parseJobsView("state=asleep,failed&colour=red").states).toEqual(["failed"]);
    expect(toJobFilter({ ...view, from: "nobody" }).triggerTypes).toEqual([]);
  });

  it("is filtered by any condition, and not by a page", () => {
    expect(isFiltered(parseJobsView("page=x&anchor=1"))).toBe(false);
    expect(isFiltered(parseJobsView("queue=gpu"))).toBe(true);
  });

  it("becomes the server's conditions", () => {
    expect(toJobFilter(view)).toMatchObject({
      states: [JobState.RUNNING, JobState.FAILED],
      name: "nightly",
      tags: { region: "eu", owner: "a&b" },
      queue: "gpu",
      runnerId: "r1",
      triggerTypes: [TriggerType.SCHEDULE],
      schedule: "hourly",
      trigger: "t",
    });
  });

  it("begins a period ago, or where the page before was asked from", () => {
    expect(fromMs({ ...view, anchor: "" }, 100_000_000)).toBe(100_000_000 - 21_600_000);
    expect(fromMs(view, 100_000_000)).toBe(1234);
    expect(fromMs({ ...view, anchor: "soon", period: "" }, 5)).toBeUndefined();
    const timed = withTimes(toJobFilter(view), 1_500, 2_500);
    expect([timed.createdAfter, timed.createdBefore].map((at) => at && usFromTimestamp(at))).toEqual([
      1_500_000, 2_500_000,
    ]);
    expect(timed.queue).toBe("gpu");
    expect(withTimes(toJobFilter(view), undefined).createdAfter).toBeUndefined();
  });
});

it("rows are searched by name, id, queue and tags, whatever the case", () => {
  const job = { name: "Nightly", id: "01a1-ff", queue: "gpu", tags: { region: "EU" } };
  for (const text of ["night", "A1-F", "GPU", "region=eu", " "])
    expect([text, matches(job, text)]).toEqual([text, true]);
  expect(matches(job, "daily")).toBe(false);
});

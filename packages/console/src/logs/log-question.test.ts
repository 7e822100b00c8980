import { describe, expect, it } from "vitest";
import { formatLogsView, parseLogsView, quoteRegex, toLogConditions } from "./log-question.ts";

describe("what is asked of a log", () => {
  it("stands in the URL, as far as it differs from all of it", () => {
    const query = "level=warn&find=a.b&task=t1&span=feed";
    expect(formatLogsView(parseLogsView(query))).toBe(query);
    expect(formatLogsView(parseLogsView("level=loud"))).toBe("");
  });

  it("finds text whatever its case, and takes nothing in it as a pattern", () => {
    const { body } = toLogConditions("j", parseLogsView("find=(a|b)*"));
    expect(body).toEqual({ regex: "(?i)\\(a\\|b\\)\\*" });
    const text = "^$.*+?()[]{}|\\/x-";
    expect(new RegExp(`^${quoteRegex(text)}$`).test(text)).toBe(true);
  });

  it("has a least severity unless all are asked for", () => {
    expect(toLogConditions("j", parseLogsView("level=warn&task=t"))).toEqual({
      job: "j",
      minSeverity: "WARN",
      task: "t",
    });
    expect(toLogConditions("j", parseLogsView(""))).toEqual({ job: "j" });
  });
});

import { describe, expect, it } from "vitest";
import { conditionsOf } from "./explore-conditions.ts";
import {
  conditionsKey,
  defaultView,
  formatExploreView,
  formatList,
  isNarrowed,
  parseExploreView,
  parseList,
} from "./explore-view.ts";

describe("the view of a URL", () => {
  it("is the same when it is written and read", () => {
    const view = { ...defaultView, name: "=a&b", period: "", from: "5", group: "", attributes: 'k="x, y"' };
    expect(parseExploreView(formatExploreView(view))).toEqual(view);
    expect(formatExploreView(defaultView)).toBe("");
    expect(parseExploreView("nothing=1")).toEqual(defaultView);
  });

  it("is about other spans when its conditions or its time change, and not when its drawing does", () => {
    const key = conditionsKey(defaultView);
    expect(conditionsKey({ ...defaultView, group: "type", sort: "name", order: "name" })).toBe(key);
    expect(conditionsKey({ ...defaultView, queue: "a" })).not.toBe(key);
    expect(conditionsKey({ ...defaultView, period: "6h" })).not.toBe(key);
    expect([isNarrowed(defaultView), isNarrowed({ ...defaultView, period: "6h" })]).toEqual([false, false]);
    expect(isNarrowed({ ...defaultView, min: "1s" })).toBe(true);
  });
});

it("lists are read as they are typed, and can hold the empty text", () => {
  expect(parseList(' a,, b ,""')).toEqual(["a", "b", ""]);
  expect(parseList(formatList(["", "a"]))).toEqual(["", "a"]);
});

describe("the conditions of a view", () => {
  it("are those that were typed, within its time", () => {
    const typed = { type: "task,attempt", name: "^fe", min: "5", open: "false", attributes: "n>3", queue: '""' };
    expect(conditionsOf({ ...defaultView, ...typed }, { fromMs: 1, toMs: 2 })).toEqual({
      problems: [],
      conditions: {
        type: ["task", "attempt"],
        queue: [""],
        name: { prefix: "fe" },
        durationMs: { min: 5 },
        open: false,
        and: [{ attributes: { n: { gt: 3 } } }],
        start: { from: new Date(1), to: new Date(2) },
      },
    });
    expect(conditionsOf(defaultView, undefined)).toEqual({ problems: [], conditions: {} });
  });

  it("that are typed wrong are told and left out", () => {
    const { conditions, problems } = conditionsOf(
      { ...defaultView, min: "soon", max: "2s", attributes: "=" },
      undefined,
    );
    expect(conditions).toEqual({ durationMs: { max: 2_000 } });
    expect(problems).toEqual([expect.stringContaining("“soon”"), expect.stringContaining("“=”")]);
  });
});

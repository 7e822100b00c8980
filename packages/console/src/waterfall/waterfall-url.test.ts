import { expect, it } from "vitest";
import { parseWaterfallUrl, withWaterfallUrl } from "./waterfall-url.ts";

it("what is selected, looked for and marked comes back from the URL", () => {
  const shown = { span: "00000000feedbeef", find: "a & b=c", failed: true, path: true };
  const params = withWaterfallUrl(new URLSearchParams("other=1"), shown);
  expect(parseWaterfallUrl(new URLSearchParams(params.toString()))).toEqual(shown);
  expect(withWaterfallUrl(params, { span: "", find: "", failed: false, path: false }).toString()).toBe("other=1");
});

it("an id that is none is left out, and its case does not matter", () => {
  expect(parseWaterfallUrl(new URLSearchParams("span=<b>")).span).toBe("");
  expect(parseWaterfallUrl(new URLSearchParams("span=00000000FEEDBEEF")).span).toBe("00000000feedbeef");
});

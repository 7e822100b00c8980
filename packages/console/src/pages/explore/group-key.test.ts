import { describe, expect, it } from "vitest";
import { defaultView } from "./explore-view.ts";
import { groupKeys, groupText, narrowTo } from "./group-key.ts";

const keysOf = (group: string) => groupKeys({ group });

describe("what spans are grouped by", () => {
  it("are columns and attributes, each once, a few at most", () => {
    expect(keysOf("name, @http.route,name,nonsense,@,job_name").map(({ text, label }) => [text, label])).toEqual([
      ["name", "Name"],
      ["@http.route", "http.route"],
      ["job_name", "Job name"],
    ]);
    expect(keysOf("name,type,status,outcome,queue")).toHaveLength(4);
  });

  it("have columns of their own, whatever an attribute is called", () => {
    const columns = keysOf("name,@name,@http.route,@what é.").map(({ column }) => column);
    expect(columns).toEqual(["name", "attribute_2", "http.route", "attribute_4"]);
    expect(keysOf("@a")[0]?.input).toEqual({ attribute: "a", as: "attribute_1" });
  });
});

describe("one group", () => {
  const narrow = (group: string, values: (string | null)[], view = defaultView) =>
    narrowTo(view, keysOf(group), values);

  it("is what the conditions of its keys say", () => {
    expect(narrow("name,queue", ["a,b", ""])).toEqual({ name: "=a,b", queue: '""' });
    expect(narrow("service_name,job_id", ["shop", "7"])).toEqual({ service: "shop", job: "7" });
  });

  it("of attributes adds to the conditions there are", () => {
    const view = { ...defaultView, attributes: "region=eu" };
    expect(narrow("@code,@retried", ["500", null], view)).toEqual({ attributes: "region=eu, code=500, !retried" });
    expect(narrow("job_name,@empty", ["", ""])).toEqual({ attributes: '!spanloom.job.name, empty=""' });
  });

  it("is told by no condition where there is none for it", () => {
    expect(narrow("job_id", [null])).toBeUndefined();
    expect(narrow("outcome", [""])).toBeUndefined();
    expect(narrow("service_name", ["a,b"])).toBeUndefined();
  });
});

it("a group without a value says so", () => {
  expect([null, "", "a"].map(groupText)).toEqual(["(none)", "(none)", "a"]);
});

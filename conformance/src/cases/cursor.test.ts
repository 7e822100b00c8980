import { expect, test } from "vitest";
import { readFragments, readSteps } from "../steps/read-steps.ts";
import { Cursor } from "./cursor.ts";
import { readSuite } from "./read-suite.ts";

/** Reads a suite with one case whose steps are these lines. */
function readCase(...steps: string[]) {
  const head = ["about: a test", "cases:", "  - name: one", "    proves: [3.1]", "    steps:"];
  const text = [...head, ...steps.map((line) => `      ${line}`)].join("\n");
  return readSuite(Cursor.parse("x.yaml", text), "x", (cursor) => readSteps(cursor, new Map()));
}

test("a file that is no YAML is refused with its line", () => {
  expect(() => Cursor.parse("x.yaml", "a: 1\nb: [1\nc: 2")).toThrow(/^cannot read x.yaml:\d+: /);
});

test("a field that is not known is refused with file, line and path", () => {
  expect(() => readCase("- call: JobService.GetJob", "  requests: {}")).toThrow(
    'cannot read x.yaml:7: cases[0].steps[0].requests: "requests" is no field here; allowed are call, request,',
  );
});

test("a field that is missing is refused where it belongs", () => {
  const text = "about: a test\ncases:\n  - proves: [3.1]\n    steps: []";
  expect(() => readSuite(Cursor.parse("x.yaml", text), "x", () => [])).toThrow(
    'cannot read x.yaml:3: cases[0]: the field "name" is missing',
  );
});

test("a call that the protocol does not have is refused", () => {
  expect(() => readCase("- call: JobService.GetJobs")).toThrow(
    'x.yaml:6: cases[0].steps[0].call: "JobService.GetJobs" is no call of the protocol',
  );
});

test("a field that the message does not have is refused in requests and expectations, however deep", () => {
  expect(() => readCase("- call: JobService.GetJob", "  request:", "    job: x")).toThrow(
    'x.yaml:8: cases[0].steps[0].request: GetJobRequest has no field "job"',
  );
  expect(() => readCase("- call: JobService.GetJob", "  expect: { job: { countz: {} } }")).toThrow(
    'cases[0].steps[0].expect: Job has no field "countz"',
  );
  expect(() => readCase("- call: JobService.ListJobs", "  expect: { jobs: !every { nam: x } }")).toThrow(
    'Job has no field "nam"',
  );
});

test("a tag that means nothing is refused", () => {
  expect(() => readCase("- call: JobService.GetJob", "  expect: { job: !regexp x }")).toThrow(
    "x.yaml:7: cases[0].steps[0].expect: the tag !regexp means nothing here; known are absent,",
  );
});

test("a tag that compares is refused in a request", () => {
  expect(() => readCase("- call: JobService.GetJob", '  request: { job_id: !any "" }')).toThrow("the tag !any means");
});

test("a section that is none and a name that another case has are refused", () => {
  const read = (text: string) => readSuite(Cursor.parse("x.yaml", text), "x", () => []);
  expect(() => read("about: a\ncases:\n  - { name: one, proves: [three], steps: [] }")).toThrow(
    'x.yaml:3: cases[0].proves[0]: "three" is no section such as 4.3',
  );
  expect(() =>
    read("about: a\ncases:\n  - { name: one, proves: [4.10], steps: [] }\n  - { name: one, proves: [3.1], steps: [] }"),
  ).toThrow('x.yaml:4: cases[1]: another case is called "one"');
});

test("a fragment must be there before it is used", () => {
  expect(() => readCase("- use: nothing")).toThrow('there is no fragment "nothing"');
  const fragments = readFragments(Cursor.parse("f.yaml", "first:\n  steps: [{ set: { a: 1 } }]"));
  expect(fragments.get("first")?.steps).toHaveLength(1);
});

test("a step of no kind is refused with the kinds there are", () => {
  expect(() => readCase("- wait: 5s")).toThrow("must have one of the fields call, await, http, check, set, repeat");
});

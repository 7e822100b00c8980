import { describe, expect, it } from "vitest";
import { shellExamples } from "./shell-examples.ts";
import { ShownAnswers } from "./shown-answer.ts";

const js = (shown: string, real: string, answers = new ShownAnswers()) => answers.problems("js", shown, real);
const text = (shown: string, real: string) => new ShownAnswers().problems("text", shown, real);

const [a, b] = ["01a2007c-7997-7000-8d1f-9bd8851cb2ca", "01a2007c-7ac9-7000-9af0-dabb58d917be"];

describe("an answer as shown", () => {
  it("is the one that came when all of it is the same, however it is laid out", () => {
    expect(js('{\n  "a": [1, "x"],\n  "b": { "c": true }\n}\n', '{"a":[1,"x"],"b":{"c":true}}')).toEqual([]);
  });

  it.each([
    ['{ "a": 1 }', '{"a":2}', "answer.a is 2, not 1"],
    ['{ "a": "x" }', '{"a":"y"}', 'answer.a is "y", not "x"'],
    ['{ "a": 1, "b": 2 }', '{"a":1}', "answer.b is not there"],
    ['{ "a": 1 }', '{"a":1,"b":2}', "answer.b is not shown: 2"],
    ['{ "a": [1] }', '{"a":[1,2]}', "answer.a has 2 entries, not 1: [1,2]"],
    ['{ "a": [1, 2, ...] }', '{"a":[1]}', "answer.a has 1 entries, not 2: [1]"],
    ['{ "a": "xy..." }', '{"a":"xz"}', 'answer.a is "xz", not "xy..."'],
    ["{}", "curl: (7) refused", 'answer is "curl: (7) refused", not {}'],
    ["{}\n404\n", "{}\n400\n", "answer is 400, not 404"],
    ["{}\n{}\n", "{}\n", "shows 2 documents, not 1: {}\n"],
  ])("is not when %s came as %s", (shown, real, problem) => {
    expect(js(shown, real)).toEqual([problem]);
  });

  it("may leave out fields, entries, lines and ends of texts where it says so", () => {
    expect(
      js('{ "a": { ... }, "b": [...], "c": "abc...", ... }', '{"a":{"x":1},"b":[1,2],"c":"abcdef","d":0}'),
    ).toEqual([]);
    expect(text("one\n...\n", "one\ntwo\nthree\n")).toEqual([]);
    expect(text("one\n", "one\ntwo\n")).toEqual(["shows 1 lines, not 2: one\ntwo"]);
  });

  it("may have other ids, as long as the same are the same and others are others", () => {
    const answers = new ShownAnswers();
    expect(js(`{ "id": "${a}" }`, `{"id":"${b}"}`, answers)).toEqual([]);
    expect(js(`{ "text": "job \\"${a}\\"" }`, `{"text":"job \\"${b}\\""}`, answers)).toEqual([]);
    expect(js(`{ "id": "${a}" }`, `{"id":"${a}"}`, answers)).toEqual([`answer.id is "${a}", not "${a}"`]);
    expect(js(`{ "id": "${b}" }`, `{"id":"${b}"}`, answers)).toEqual([`answer.id is "${b}", not "${b}"`]);
    expect(js(`{ "id": "${a}" }`, '{"id":"17"}')).toEqual([`answer.id is "17", not "${a}"`]);
  });

  it("may have another time of the clock, but no other whole second", () => {
    expect(js('{ "at": "2026-11-21T23:41:27.6Z" }', '{"at":"2027-01-01T00:00:00.123456Z"}')).toEqual([]);
    expect(js('{ "at": "2026-11-21T23:41:27Z" }', '{"at":"2026-11-21T23:41:28Z"}')).toHaveLength(1);
    expect(js('{ "ns": "1795304489154216000" }', '{"ns":"1795304489154216001"}')).toEqual([]);
    expect(js('{ "bytes": "16777216" }', '{"bytes":"16777217"}')).toHaveLength(1);
  });

  it("may have another token, but none of another's", () => {
    const answers = new ShownAnswers();
    expect(js('{ "leaseToken": "AA==" }', '{"leaseToken":"AQ=="}', answers)).toEqual([]);
    expect(js('{ "leaseToken": "BB==" }', '{"leaseToken":"AQ=="}', answers)).toHaveLength(1);
  });
});

describe("commands of a page", () => {
  it("are its sh blocks, each with the block of its answer, if that follows next", () => {
    const fence = "```";
    const page = [
      ...[`${fence}sh`, "one", fence, "answers", `${fence}js`, "{}", fence],
      ...[`${fence}sh`, "two", fence, `${fence}sh ignore`, "three", fence, `${fence}text`, "no answer", fence],
    ].join("\n");
    const examples = shellExamples("a.md", page).map(({ command, answer }) => [command.code, answer?.code]);
    expect(examples).toEqual([
      ["one\n", "{}\n"],
      ["two\n", undefined],
    ]);
  });
});

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: case files have such variables.
import { describe, expect, test } from "vitest";
import { Cursor } from "../cases/cursor.ts";
import type { Json } from "../cases/template.ts";
import { expectationTags, match } from "./match.ts";
import { Scope } from "./scope.ts";

const scope = new Scope({ name: "ada", list: ["a", "b"], map: { inner: { id: 7 } } });

/** Where an answer differs from an expectation in YAML; undefined when it does not. */
function differ(expected: string, actual: Json | undefined): string | undefined {
  const found = match(Cursor.parse("x.yaml", expected).template(expectationTags), actual, scope);
  return found && `${found.path}: ${found.expected}`;
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

test("a map fits when the fields that are expected do, whatever others there are", () => {
  expect(differ("{ a: 1, b: { c: x } }", { a: 1, b: { c: "x", d: 2 }, e: 3 })).toBe(undefined);
  expect(differ("{ a: 1, b: { c: x } }", { a: 1, b: { c: "y" } })).toBe('b.c: "x"');
  expect(differ("{ a: 1 }", "text")).toBe(": a map");
});

test("a list must have as many entries, in order", () => {
  expect(differ("[1, 2]", [1, 2])).toBe(undefined);
  expect(differ("[1, 2]", [2, 1])).toBe("[0]: 1");
  expect(differ("[1]", [1, 2])).toBe(": a list of 1");
});

test("a number fits the text that 64-bit numbers are written as, and no other text", () => {
  expect(differ("5", "5")).toBe(undefined);
  expect(differ("5", "50")).toBe(": 5");
  expect(differ('"5"', 5)).toBe(': "5"');
});

test("variables stand for their values, within text and as a whole", () => {
  expect(differ("hello ${name}", "hello ada")).toBe(undefined);
  expect(differ("${map.inner}", { id: 7, more: 1 })).toBe(undefined);
  expect(differ("${list}", ["a", "c"])).toBe('[1]: "b"');
  expect(() => differ("${unset}", "x")).toThrow('the variable "unset" has no value');
});

describe("tags", () => {
  const table: [expected: string, fits: Json | undefined, differs: Json | undefined][] = [
    ['!any ""', 0, null],
    ['!absent ""', null, 0],
    ['!empty ""', [], ["x"]],
    ['!filled ""', "x", ""],
    ['!uuid ""', "0198c0de-0000-7000-8000-00000000cafe", "0198c0de-0000-4000-8000-00000000cafe"],
    ["!regex ^a+$", "aaa", "ab"],
    ["!range { min: 1, max: 3 }", 3, 3.1],
    ["!range { min: 1 }", "1.5s", "0.5s"],
    ["!not 1", 2, 1],
    ["!oneOf [1, 2]", 2, 3],
    ["!all [!length 1, [2]]", [2], [3]],
    ["!exactly { a: 1 }", { a: 1, b: "", c: 0 }, { a: 1, b: "x" }],
    ["!length 2", ["a", "b"], ["a"]],
    ["!bytes 3", base64("abc"), base64("ab")],
    ["!text abc", base64("abc"), base64("abd")],
    ["!json { a: [1] }", base64('{"a":[1],"b":2}'), base64('{"a":[2]}')],
    ["!json { a: 1 }", base64('{"a":1}'), base64("{")],
    ["!every { a: 1 }", [{ a: 1 }, { a: 1, b: 2 }], [{ a: 1 }, { a: 2 }]],
    ["!none { a: 1 }", [{ a: 2 }], [{ a: 2 }, { a: 1 }]],
    ["!contains [{ a: 1 }, { a: 1 }]", [{ a: 1 }, { a: 2 }, { a: 1 }], [{ a: 1 }, { a: 2 }]],
    ['!unordered [!any "", 1]', [1, 2], [2, 3]],
    ["!unordered [1]", [1], [1, 2]],
    ["!time { after: 2026-01-01T00:00:00Z }", "2026-01-01T00:00:00.000001Z", "2025-12-31T23:59:59.999999Z"],
    ["!time { after: 2026-01-01T00:00:00Z, by: 1s }", "1767225601000000000", "1767225600999999000"],
    ["!time { before: 2026-01-01T00:00:00Z }", "2025-12-31T23:59:59Z", "soon"],
  ];
  test.each(table)("%s", (expected, fits, differs) => {
    expect(differ(expected, fits)).toBe(undefined);
    expect(differ(expected, differs)).toMatch(/: ./);
  });
});

test("an entry that fits several expectations leaves the others theirs", () => {
  expect(differ("!unordered [!range { min: 1 }, 1, !range { min: 2 }]", [1, 2, 3])).toBe(undefined);
  expect(differ("!unordered [!range { min: 1 }, 1, 1]", [1, 2, 3])).toMatch(/^: an entry like 1$/);
});

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: case files have such variables.
import { fromBinary } from "@bufbuild/protobuf";
import { ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";
import { expect, test } from "vitest";
import { Cursor } from "../cases/cursor.ts";
import type { Json } from "../cases/template.ts";
import { evaluate, valueTags } from "./evaluate.ts";
import { Scope, select } from "./scope.ts";

function made(text: string, values: Record<string, Json> = {}): Json {
  return evaluate(Cursor.parse("x.yaml", text).template(valueTags), new Scope(values));
}

test("bytes are made of text, JSON and hexadecimal", () => {
  expect(made("!text abc")).toBe("YWJj");
  expect(Buffer.from(String(made("!json { a: [1, '${n}'] }", { n: 2 })), "base64").toString()).toBe('{"a":[1,2]}');
  expect(made("!hex 00ff")).toBe("AP8=");
  expect(Buffer.from(String(made("!zeros 5")), "base64")).toHaveLength(5);
});

test("lists are made by repeating, and by counting", () => {
  expect(made("!repeat { text: ab, times: 3 }")).toBe("ababab");
  expect(made("!repeat { item: { a: 1 }, times: 2 }")).toEqual([{ a: 1 }, { a: 1 }]);
  expect(made("!each { times: 2, of: { name: 'job ${at}' } }")).toEqual([{ name: "job 0" }, { name: "job 1" }]);
});

test("a map takes the fields of another, and replaces some", () => {
  expect(made("{ <<: '${base}', b: 3 }", { base: { a: 1, b: 2 } })).toEqual({ a: 1, b: 3 });
  expect(() => made("{ <<: '${base}' }", { base: "text" })).toThrow("what << adds must be a map");
});

test("a variable within a repetition hides that of the case, and what is set there is the case's", () => {
  const scope = new Scope({ at: "outer" });
  const inner = scope.within({ at: 1 });
  inner.set("found", "x");
  expect([scope.get("at"), inner.get("at"), scope.get("found")]).toEqual(["outer", 1, "x"]);
});

test("paths lead through fields, indices and entries found by a field", () => {
  const value = {
    rows: [
      { type: "job", id: 1 },
      { type: "task", id: 2 },
    ],
  };
  expect(select(value, "rows[1].id")).toBe(2);
  expect(select(value, "rows[-1].id")).toBe(2);
  expect(select(value, "rows[type=task].id")).toBe(2);
  expect(select(value, "rows[*].id")).toEqual([1, 2]);
  expect(select(value, "rows[type=user].id")).toBe(undefined);
  expect(new Scope({ at: 1, list: ["a", "b"] }).get("list[at]")).toBe("b");
});

test("spans are written with ids in hexadecimal and attributes as a map", () => {
  const bytes = made(
    "!traces { resource: { service.name: shop }, spans: [{ trace_id: 4bf92f3577b34da6a3ce929d0e0e4736, span_id: 00f067aa0ba902b7, name: s, attributes: { n: 1, d: 0.5, l: [a], m: { k: true } }, events: [{ name: e, attributes: { x: y } }] }] }",
  );
  const read = fromBinary(ExportTraceServiceRequestSchema, Buffer.from(String(bytes), "base64"));
  const span = read.resourceSpans[0]?.scopeSpans[0]?.spans[0];
  expect(Buffer.from(span?.traceId ?? []).toString("hex")).toBe("4bf92f3577b34da6a3ce929d0e0e4736");
  expect(span?.attributes.map(({ key, value }) => [key, value?.value.case])).toEqual([
    ["n", "intValue"],
    ["d", "doubleValue"],
    ["l", "arrayValue"],
    ["m", "kvlistValue"],
  ]);
  expect(span?.events[0]?.attributes[0]?.key).toBe("x");
  expect(read.resourceSpans[0]?.resource?.attributes[0]?.key).toBe("service.name");
});

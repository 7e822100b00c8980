import { expect, it } from "vitest";
import { type NestedValueMaker, readNestedValue } from "./nested-value.ts";

/** Says what it was told, in brackets of the kind. */
const maker: NestedValueMaker<string> = {
  text: (token) => `text ${token}`,
  bool: (value) => `bool ${value}`,
  int: (digits) => `int ${digits}`,
  double: (token) => `double ${token}`,
  bytes: (token) => `bytes ${token}`,
  empty: () => "empty",
  array: (items) => `[${items.join(", ")}]`,
  map: (entries) => `{${entries.map((entry) => entry.join(": ")).join(", ")}}`,
};
const read = (text: string) => readNestedValue(text, maker);

it("a nested value is read as its text says", () => {
  expect(read('["a\\"]",true,false,null,-12,9007199254740993]')).toBe(
    '[text "a\\"]", bool true, bool false, empty, int -12, int 9007199254740993]',
  );
  expect(read("[1.0,-1e-7,2E+300]")).toBe("[double 1.0, double -1e-7, double 2E+300]");
  expect(read('[{"$bytes":"AAE="},{"$double":"NaN"}]')).toBe('[bytes "AAE=", double "NaN"]');
  expect(read('{"a":{"b":[]},"a":{}}')).toBe('{"a": {"b": []}, "a": {}}');
});

it("keys that look like marks are told as they were sent", () => {
  expect(read('{"$$bytes":"x","$$$double":1,"$bytesx":2,"$$other":3}')).toBe(
    '{"$bytes": text "x", "$$double": int 1, "$bytesx": int 2, "$$other": int 3}',
  );
});

it("text that no server made is refused", () => {
  for (const text of ["", "[x]", '["a', "{1:2}"]) expect(() => read(text)).toThrow("cannot read the nested value");
});

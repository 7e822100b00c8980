import { describe, expect, it } from "vitest";
import { payloadBytes } from "../../text/payload.ts";
import { editedInputs } from "./edited-inputs.ts";

const roots = [
  { id: "a", input: payloadBytes('{"n": 1}') },
  { id: "b", input: payloadBytes("") },
  { id: "c", input: payloadBytes("7") },
];

describe("the inputs of a clone", () => {
  it("are those that were edited, by the places of their roots", () => {
    expect(editedInputs(roots, { b: "[2]", c: "8" })).toEqual({ 1: payloadBytes("[2]"), 2: payloadBytes("8") });
    expect(editedInputs(roots, { a: "" })).toEqual({ 0: new Uint8Array() });
  });

  it("are none when what was typed is what they were", () => {
    expect(editedInputs(roots, { a: '{\n  "n": 1\n}', b: "" })).toEqual({});
    expect(editedInputs(roots, {})).toEqual({});
  });

  it("must be JSON", () => {
    expect(() => editedInputs(roots, { a: "{" })).toThrow(SyntaxError);
  });
});

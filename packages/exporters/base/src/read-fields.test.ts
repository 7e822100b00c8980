import { describe, expect, it } from "vitest";
import { type OptionFieldsByName, shapeFields } from "./option-fields.ts";
import { readFields } from "./read-fields.ts";

const fields: OptionFieldsByName = {
  apiKey: "text",
  port: "number",
  insecure: "boolean",
  names: "list",
  headers: "texts",
  credentials: "code",
  more: "any",
  protocol: { oneOf: ["grpc", "http/json"] },
  shape: { fields: shapeFields },
  all: { each: { fields: { use: "text" } } },
};
const place = { file: "a.json", path: "", env: { KEY: "s3cret", EMPTY: "" } };
const read = (value: unknown) => readFields(value, fields, place);

describe("readFields", () => {
  it("gives what is known as it stands", () => {
    const credentials = () => undefined;
    const value = {
      apiKey: "k",
      port: 1,
      insecure: false,
      names: ["a"],
      headers: { env: "prod" },
      credentials,
      more: null,
      protocol: "grpc",
      shape: { sampling: "parent", aliases: { a: "b" }, tags: {} },
      all: [{ use: "x" }, {}],
    };
    expect(read(value)).toEqual(value);
    expect(read({ shape: { sampling: 0.5, aliases: "workflow" } })).toEqual({
      shape: { sampling: 0.5, aliases: "workflow" },
    });
  });

  it("puts what variables hold in the place of references to them, wherever a text stands", () => {
    const reference = { env: "KEY" };
    expect(
      read({ apiKey: reference, names: [reference], headers: { a: reference }, all: [{ use: reference }] }),
    ).toEqual({ apiKey: "s3cret", names: ["s3cret"], headers: { a: "s3cret" }, all: [{ use: "s3cret" }] });
  });

  it.each([
    [[], "the file is a list, but must be an object"],
    [undefined, "the file is undefined, but must be an object"],
    [{ apikey: 1 }, "apikey is not known; known are apiKey, port, "],
    [{ toString: 1 }, "toString is not known"],
    [{ apiKey: 12345 }, 'apiKey is a number, but must be a text, or { "env": "NAME" }'],
    [{ apiKey: { env: "EMPTY" } }, "apiKey refers to the variable EMPTY, which is not set"],
    [{ apiKey: { env: "KEY", or: "x" } }, "apiKey is an object, but must be a text"],
    [{ port: "80" }, 'port is "80", but must be a number'],
    [{ insecure: 1 }, "insecure is a number, but must be true or false"],
    [{ names: "a" }, 'names is "a", but must be a list'],
    [{ names: ["a", 2] }, "names[1] is a number, but must be a text"],
    [{ headers: { a: null } }, "headers.a is null, but must be a text"],
    [{ headers: [] }, "headers is a list, but must be an object of texts"],
    [{ credentials: "k" }, 'credentials is "k", but must be an object or a function'],
    [{ protocol: "http" }, 'protocol is "http", but must be one of "grpc", "http/json"'],
    [{ protocol: { env: "KEY" } }, 'protocol is an object, but must be one of "grpc", "http/json"'],
    [{ shape: { sampling: "some" } }, 'shape.sampling is "some", but must be one of "always", "parent", or a number'],
    [{ shape: { aliases: { a: 1 } } }, "shape.aliases.a is a number, but must be a text"],
    [{ shape: { tag: {} } }, "shape.tag is not known; known are lifecycle, "],
    [{ all: [{ use: "x" }, { use: 1 }] }, "all[1].use is a number, but must be a text"],
  ])("refuses %j, naming the place", (value, problem) => {
    expect(() => read(value)).toThrow(`cannot use a.json: ${problem}`);
  });
});

import { describe, expect, it } from "vitest";
import { parseKeyTemplate } from "./event-key.ts";

describe("templates of keys", () => {
  it.each(["a", "webhook.{name}", "a.b-c_d.{header.X-Topic}.{payload.a.b_c.0}", "a.b{name}c"])(
    "may be %s",
    (template) => {
      expect(parseKeyTemplate(template)).toBeInstanceOf(Array);
    },
  );

  it.each([
    ["", "does not begin with a segment"],
    ["{name}", "does not begin with a segment"],
    [".a", "does not begin with a segment"],
    ["{payload.key}.a", "does not begin with a segment"],
    ["spanloom", "is reserved"],
    ["spanloom.job.{name}", "is reserved"],
    ["Spanloom.x", "is reserved"],
    ["a.{b}", 'has "{b}"'],
    ["a.{payload}", 'has "{payload}"'],
    ["a.{payload.}", 'has "{payload.}"'],
    ["a.{header.a b}", 'has "{header.a b}"'],
    ["a.*", 'has "a.*"'],
    ["a b", 'has "a b"'],
    ["a.{name", 'has "a.{name"'],
    ["a.{name}}", 'has "}"'],
  ])("are refused as %j", (template, problem) => {
    expect(parseKeyTemplate(template)).toEqual({ problem: expect.stringContaining(problem) });
  });

  it("let no value be part of the first segment, as it could complete the reserved one", () => {
    expect(parseKeyTemplate("spanlooms.a")).toBeInstanceOf(Array);
    for (const template of ["spanloom{payload.x}", "span{payload.x}", "a{name}"])
      expect(parseKeyTemplate(template)).toEqual({ problem: "does not begin with a segment of text" });
  });
});

import { describe, expect, it } from "vitest";
import { decodeOffset, decodePageToken, encodePageToken } from "./page-token.ts";

const filter = { name: "a", states: [1], big: 1n };

describe("page tokens", () => {
  it("give back the position for the same listing and filter", () => {
    const token = encodePageToken("jobs", filter, "id:with:colons");
    expect(decodePageToken(token, "jobs", filter)).toBe("id:with:colons");
  });

  it("are absent on the first page", () => {
    expect(decodePageToken("", "jobs", filter)).toBeUndefined();
  });

  it.each([
    ["of another listing", encodePageToken("tasks", filter, "x"), /another listing, "tasks"/],
    ["of another filter", encodePageToken("jobs", { name: "b" }, "x"), /another filter/],
    ["made up", "bm90IGEgdG9rZW4", /was not issued by this server/],
    ["no base64", "\u0000\u0000", /was not issued by this server/],
  ])("are refused when %s", (_what, token, message) => {
    expect(() => decodePageToken(token, "jobs", filter)).toThrow(
      expect.objectContaining({ reason: "INVALID_PAGE_TOKEN", message: expect.stringMatching(message) }) as Error,
    );
  });

  it.each(["x", "-1", "1.5", "1e9"])("are refused as an offset when the position is %s", (position) => {
    const token = encodePageToken("dependencies", filter, position);
    expect(() => decodeOffset(token, "dependencies", filter)).toThrow(
      expect.objectContaining({ reason: "INVALID_PAGE_TOKEN" }) as Error,
    );
  });
});

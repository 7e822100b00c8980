import { describe, expect, it } from "vitest";
import { testWebhook } from "./testing/test-webhook.ts";
import { decodeWebhook, encodeWebhook } from "./webhook-definition.ts";

describe("webhooks as they are kept", () => {
  it("are the same bytes when they are equal, in whatever order their fields were set", () => {
    const webhook = testWebhook({ secrets: [{ env: "A" }], headers: ["x-b", "x-a"] });
    const turned = Object.fromEntries(Object.entries(webhook).reverse()) as typeof webhook;
    expect(encodeWebhook(turned)).toEqual(encodeWebhook(webhook));
    expect(decodeWebhook(encodeWebhook(turned))).toEqual(webhook);
  });

  it("are not read by a server that is older than what wrote them", () => {
    const newer = Buffer.from(JSON.stringify({ version: 2, webhook: testWebhook() }));
    expect(() => decodeWebhook(newer)).toThrow("version 2 is newer than this server");
  });
});

import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { WebhookEvent } from "./delivery-event.ts";
import { DeliveryHeaders } from "./delivery-headers.ts";
import { DeliveryRefusal } from "./delivery-refusal.ts";
import { receiveDelivery } from "./receive-delivery.ts";
import { testWebhook } from "./testing/test-webhook.ts";
import type { Webhook } from "./webhook.ts";

const SECRET = "known to both sides";
const NOW_S = 1_700_000_000;
const options = {
  sources: { keys: [], environment: (name: string) => (name === "HOOK" ? SECRET : undefined) },
  nowUs: NOW_S * 1_000_000,
  newId: () => "new",
  onProblem: () => {},
};

const secrets = [{ env: "HOOK" }];
const key = "a.{header.x-any}.{payload.type}.{payload.a.b}.{payload.__proto__.c}";
const webhooks: readonly Webhook[] = [
  testWebhook({ signature: { scheme: "github" }, secrets, eventKey: key, headers: ["x-any"] }),
  testWebhook({ signature: { scheme: "stripe" }, secrets, eventKey: key }),
  testWebhook({ hmac: { timestampHeader: "x-time", signed: "{timestamp}.{body}" }, secrets, acceptText: true }),
  testWebhook({ hmac: { idHeader: "x-id", encoding: "base64" }, secrets, eventKey: key }),
];

/** An event, or the reason of the refusal; any other error is thrown. */
function receive(webhook: Webhook, headers: readonly string[], body: Uint8Array): WebhookEvent | string {
  try {
    return receiveDelivery(webhook, { headers: new DeliveryHeaders(headers), body }, options);
  } catch (error) {
    if (error instanceof DeliveryRefusal) return error.reason;
    throw error;
  }
}

/** Headers that make the signature right. */
function signed({ signature }: Webhook, body: Uint8Array): string[] {
  const digest = (...parts: (string | Uint8Array)[]) => {
    const hmac = createHmac("sha256", SECRET);
    for (const part of parts) hmac.update(part);
    return hmac.digest();
  };
  if (signature.scheme === "github") return ["x-hub-signature-256", `sha256=${digest(body).toString("hex")}`];
  if (signature.scheme === "stripe")
    return ["stripe-signature", `t=${NOW_S},v1=${digest(`${NOW_S}.`, body).toString("hex")}`];
  if (signature.scheme === "none") return [];
  if (signature.timestampHeader)
    return ["x-signature", `sha256=${digest(`${NOW_S}.`, body).toString("hex")}`, "x-time", `${NOW_S}`];
  return ["x-signature", `sha256=${digest(body).toString("base64")}`];
}

const anyWebhook = fc.constantFrom(...webhooks);
const types = ["application/json", "application/x-www-form-urlencoded", "text/plain", "application/json;charset=x", ""];
const bodies = fc.oneof(
  fc.json().map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 200 }),
  fc.webQueryParameters().map((text) => Buffer.from(text)),
  fc
    .dictionary(fc.constantFrom("type", "id", "a", "__proto__", "payload", "action"), fc.jsonValue())
    .map((value) => Buffer.from(JSON.stringify(value))),
);
const strange = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.base64String(),
  fc.constantFrom("t=,v1=", "v1=00"),
);
const names = ["x-signature", "x-hub-signature-256", "stripe-signature", "x-time", "x-id", "content-type", "x-any"];
const anyHeaders = fc.array(fc.tuple(fc.constantFrom(...names, "traceparent", "x-github-delivery"), strange), {
  maxLength: 12,
});

describe("receiving a delivery", () => {
  it("lets in none whose signature is not right, and fails by nothing but a refusal, whatever is sent", () => {
    fc.assert(
      fc.property(anyWebhook, anyHeaders, bodies, (webhook, headers, body) => {
        expect(["signature", "expired"]).toContain(receive(webhook, headers.flat(), body));
      }),
      { numRuns: 2_000 },
    );
  });

  it("makes an event of what is signed, or refuses it for what it is, and the same again the second time", () => {
    const reasons = new Set<string>();
    fc.assert(
      fc.property(anyWebhook, bodies, fc.constantFrom(...types), strange, (webhook, body, type, any) => {
        const headers = [...signed(webhook, body), "content-type", type, "x-any", any, "x-id", "1"];
        const event = receive(webhook, headers, body);
        expect(receive(webhook, headers, body)).toEqual(event);
        if (typeof event === "string") {
          reasons.add(event);
          return;
        }
        expect(event.key).toMatch(/^(a|webhook)(\.[\w-]+)*$/);
        expect(event.key.length).toBeLessThanOrEqual(256);
        expect(event.id).toMatch(/^[0-9a-f-]{36}$/);
        JSON.parse(Buffer.from(event.payload).toString());
      }),
      { numRuns: 2_000 },
    );
    expect([...reasons].sort()).toEqual(["malformed", "unsupported"]);
  });

  it("is refused for every single bit that is changed in what was signed", () => {
    const body = Buffer.from('{"amount":100}');
    for (const webhook of webhooks) {
      const headers = [...signed(webhook, body), "content-type", "application/json", "x-id", "1"];
      expect(receive(webhook, headers, body)).toBeInstanceOf(Object);
      for (let bit = 0; bit < body.length * 8; bit++) {
        const changed = Buffer.from(body);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expect(receive(webhook, headers, changed)).toBe("signature");
      }
    }
  });
});

import { describe, expect, it } from "vitest";
import { deliveryEvent } from "./delivery-event.ts";
import { DeliveryHeaders } from "./delivery-headers.ts";
import { DeliveryRefusal } from "./delivery-refusal.ts";
import { testWebhook } from "./testing/test-webhook.ts";
import type { Webhook } from "./webhook.ts";

const newId = () => "new";
const jsonType = ["content-type", "application/json"];

function eventOf(webhook: Webhook, body: string | Uint8Array, headers: readonly string[] = jsonType) {
  const event = deliveryEvent(webhook, { headers: new DeliveryHeaders(headers), body: Buffer.from(body) }, newId);
  return { ...event, payload: Buffer.from(event.payload).toString() };
}

/** Reason and precise text of a refusal. */
function refusalOf(...args: Parameters<typeof eventOf>): [string, string] | undefined {
  try {
    eventOf(...args);
    return undefined;
  } catch (error) {
    if (error instanceof DeliveryRefusal) return [error.reason, error.message];
    throw error;
  }
}

const github = testWebhook({
  name: "code",
  signature: { scheme: "github" },
  eventKey: "webhook.{name}.{header.x-github-event}.{payload.action}",
});
const githubHeaders = (event: string, id = "72d3162e-cc78-11e3-81ab-4c9367dc0958") => [
  ...["X-GitHub-Event", event, "X-GitHub-Delivery", id],
  ...jsonType,
];
const stripe = testWebhook({
  name: "pay",
  signature: { scheme: "stripe" },
  eventKey: "webhook.{name}.{payload.type}",
});

describe("payloads of deliveries", () => {
  it("are JSON as it was sent, to the byte, so that numbers keep their digits", () => {
    const body = '{ "id": 12345678901234567890, "a": 1.10 }';
    expect(eventOf(testWebhook(), body).payload).toBe(body);
  });

  it.each(["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"', "application/cloudevents+json"])(
    "are taken as %s",
    (type) => {
      expect(eventOf(testWebhook(), "[1]", ["content-type", type]).payload).toBe("[1]");
    },
  );

  it("lose a byte order mark", () => {
    expect(eventOf(testWebhook(), Buffer.from("\ufeff[1]")).payload).toBe("[1]");
  });

  it("are objects of texts for forms, with lists where a key is there twice", () => {
    const type = ["content-type", "application/x-www-form-urlencoded"];
    expect(eventOf(testWebhook(), "a=1&b=x+y%26&a=2&a=3&c", type).payload).toBe(
      '{"a":["1","2","3"],"b":"x y&","c":""}',
    );
  });

  it("are the JSON in the field of GitHub's forms", () => {
    const headers = [...githubHeaders("push").slice(0, 4), "content-type", "application/x-www-form-urlencoded"];
    const body = `payload=${encodeURIComponent('{"action":"opened"}')}`;
    expect(eventOf(github, body, headers)).toMatchObject({
      payload: '{"action":"opened"}',
      key: "webhook.code.push.opened",
    });
    expect(refusalOf(github, "payload=nothing", headers)).toEqual(["malformed", "its body is not JSON"]);
  });

  it("are one text of other types, where the webhook takes that", () => {
    const type = ["content-type", "text/plain"];
    expect(eventOf(testWebhook({ acceptText: true }), 'say "hi"', type).payload).toBe('"say \\"hi\\""');
    expect(refusalOf(testWebhook(), "hi", type)).toEqual([
      "unsupported",
      "its content type is neither JSON nor a form",
    ]);
    expect(refusalOf(testWebhook(), "{}", [])?.[0]).toBe("unsupported");
  });

  it.each([
    ["no JSON", '{"password":"hunter2"', jsonType],
    ["nothing", "", jsonType],
    ["no UTF-8", Uint8Array.of(0x22, 0xff, 0x22), jsonType],
    ["no UTF-8 in a form", Uint8Array.of(0x61, 0x3d, 0xc3), ["content-type", "application/x-www-form-urlencoded"]],
    ["a million brackets", "[".repeat(1_000_000), jsonType],
    ["two content types", "{}", [...jsonType, ...jsonType]],
  ])("are refused when they are %s, and not quoted", (_name, body, headers) => {
    const [reason, why] = refusalOf(testWebhook(), body, headers)!;
    expect(reason).toBe("malformed");
    expect(why).not.toContain("hunter2");
  });

  it("are refused in another character set", () => {
    expect(refusalOf(testWebhook(), "{}", ["content-type", "application/json; charset=latin1"])?.[0]).toBe(
      "unsupported",
    );
  });

  it("may be as deep as a hundred, with brackets in texts not counted", () => {
    const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
    expect(refusalOf(testWebhook(), nested(100))).toBeUndefined();
    expect(refusalOf(testWebhook(), nested(101))?.[1]).toBe("its JSON is nested deeper than 100");
    expect(refusalOf(testWebhook(), `["${"[{".repeat(500)}\\"${"[{".repeat(500)}"]`)).toBeUndefined();
  });

  it("may have keys that objects have by themselves", () => {
    const form = ["content-type", "application/x-www-form-urlencoded"];
    const webhook = testWebhook({ eventKey: "a.{payload.__proto__.b}.{payload.constructor.name}.{payload.x}" });
    expect(eventOf(webhook, "__proto__=1&toString=2&x=y", form)).toMatchObject({
      payload: '{"__proto__":"1","toString":"2","x":"y"}',
      key: "a.y",
    });
    const body = '{"__proto__":{"b":"own"},"x":"y"}';
    expect(eventOf(webhook, body)).toMatchObject({ payload: body, key: "a.own.y" });
    expect(eventOf(webhook, "{}").key).toBe("a");
    expect(({} as { b?: string }).b).toBeUndefined();
  });
});

describe("keys of deliveries", () => {
  it("name the webhook, GitHub's event and action, Stripe's type", () => {
    expect(eventOf(testWebhook({ name: "orders" }), "{}").key).toBe("webhook.orders");
    expect(eventOf(github, '{"action":"opened"}', githubHeaders("issues")).key).toBe("webhook.code.issues.opened");
    expect(eventOf(github, "{}", githubHeaders("push")).key).toBe("webhook.code.push");
    expect(eventOf(stripe, '{"type":"invoice.paid"}').key).toBe("webhook.pay.invoice.paid");
  });

  it("hold nothing of values but what a key may hold, and of none too much", () => {
    const key = (value: unknown) =>
      eventOf(testWebhook({ eventKey: "a.{payload.x}.z" }), JSON.stringify({ x: value })).key;
    expect(key("a/b *c\n")).toBe("a.a_b__c_.z");
    expect(key("..b..")).toBe("a.b.z");
    expect(key("**")).toBe("a.__.z");
    expect(key(12.5)).toBe("a.12.5.z");
    expect(key(true)).toBe("a.true.z");
    expect([key({ y: 1 }), key(null), key([1])]).toEqual(["a.z", "a.z", "a.z"]);
    expect(key("x".repeat(1000))).toBe(`a.${"x".repeat(100)}.z`);
  });

  it("are refused when they become too long", () => {
    const long = JSON.stringify({ x: "x".repeat(100) });
    expect(refusalOf(testWebhook({ eventKey: "a.{payload.x}.{payload.x}.{payload.x}" }), long)?.[0]).toBe("malformed");
  });
});

describe("ids of deliveries", () => {
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

  it("are those of GitHub, whatever else differs", () => {
    const { id } = eventOf(github, '{"a":1}', githubHeaders("push"));
    expect(id).toMatch(uuid);
    expect(eventOf(github, '{"a":2}', githubHeaders("push")).id).toBe(id);
    expect(eventOf(github, '{"a":1}', githubHeaders("push", "other")).id).not.toBe(id);
    expect(eventOf({ ...github, name: "other" }, '{"a":1}', githubHeaders("push")).id).not.toBe(id);
  });

  it("are those of Stripe's events", () => {
    const { id } = eventOf(stripe, '{"id":"evt_1","pending_webhooks":1}');
    expect(eventOf(stripe, '{"id":"evt_1","pending_webhooks":0}').id).toBe(id);
    expect(eventOf(stripe, '{"id":"evt_2","pending_webhooks":1}').id).not.toBe(id);
  });

  it("are in the header that the webhook names, and needed there", () => {
    const webhook = testWebhook({ hmac: { idHeader: "x-id" } });
    const at = (id: string, body: string) => eventOf(webhook, body, [...jsonType, "X-Id", id]);
    expect(at("1", "{}").id).toBe(at("1", "[]").id);
    expect(at("1", "{}").id).not.toBe(at("2", "{}").id);
    expect(at("1", "{}").metadata).toEqual({ "x-id": "1" });
    expect(refusalOf(webhook, "{}")).toEqual(["malformed", 'header "x-id" is absent']);
  });

  it("follow from what was signed otherwise", () => {
    const webhook = testWebhook({ hmac: { timestampHeader: "x-time", signed: "{timestamp}.{body}" } });
    const at = (time: string, body: string) => eventOf(webhook, body, [...jsonType, "X-Time", time]).id;
    expect(at("1", "{}")).toBe(at("1", "{}"));
    expect(new Set([at("1", "{}"), at("2", "{}"), at("1", "[]")]).size).toBe(3);
    expect(eventOf(testWebhook(), "{}").id).toBe(eventOf(testWebhook(), "{}").id);
    expect(eventOf(testWebhook(), "{}").id).not.toBe(eventOf(testWebhook(), "[]").id);
    for (const one of [github, stripe]) expect(eventOf(one, "{}").id).toMatch(uuid);
  });

  it("are made for those that are not signed", () => {
    expect(eventOf(testWebhook({ signature: { scheme: "none" } }), "{}").id).toBe("new");
  });
});

describe("metadata of deliveries", () => {
  const headers = [
    ...jsonType,
    ...["X-A", "1", "X-A", "2", "X-B", "3", "Traceparent", `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`],
    ...["Tracestate", "a=b", "Baggage", "c=d"],
  ];

  it("are the headers that were chosen", () => {
    expect(eventOf(testWebhook({ headers: ["x-a", "x-none"] }), "{}", headers).metadata).toEqual({ "x-a": "1, 2" });
    expect(eventOf(github, "{}", githubHeaders("push")).metadata).toEqual({
      "x-github-event": "push",
      "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    });
  });

  it("are refused when one is too long", () => {
    const long = [...jsonType, "X-A", "a".repeat(3000), "X-A", "b".repeat(3000)];
    expect(refusalOf(testWebhook({ headers: ["x-a"] }), "{}", long)?.[0]).toBe("malformed");
  });

  it("stand beside the sender's trace, if that can be read", () => {
    expect(eventOf(testWebhook(), "{}", headers).trace).toEqual({
      traceparent: `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`,
      tracestate: "a=b",
      baggage: "c=d",
    });
    const none = { traceparent: "", tracestate: "", baggage: "" };
    expect(eventOf(testWebhook(), "{}", [...jsonType, "traceparent", "junk", "baggage", "c=d"]).trace).toEqual(none);
    expect(eventOf(testWebhook(), "{}", [...headers, ...headers.slice(8, 10)].slice(2).concat(jsonType)).trace).toEqual(
      none,
    );
  });
});

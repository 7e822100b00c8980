import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { DeliveryHeaders } from "./delivery-headers.ts";
import { DeliveryRefusal } from "./delivery-refusal.ts";
import { verifySignature } from "./verify-signature.ts";
import type { HmacSignature, SignatureScheme } from "./webhook.ts";

const NOW_S = 1_614_265_330;
const nowUs = NOW_S * 1_000_000;
const text = (secret: string) => Buffer.from(secret);

interface Case {
  signature: SignatureScheme;
  secrets: readonly Uint8Array[];
  headers: readonly string[];
  body: string | Uint8Array;
  nowUs?: number;
  toleranceMs?: number;
}

/** What a delivery is refused for: its reason and why; undefined when it is taken. */
function refusalOf(given: Case): [string, string] | undefined {
  const delivery = { headers: new DeliveryHeaders(given.headers), body: Buffer.from(given.body) };
  const webhook = { signature: given.signature, toleranceMs: given.toleranceMs ?? 300_000 };
  try {
    verifySignature(webhook, given.secrets, delivery, given.nowUs ?? nowUs);
    return undefined;
  } catch (error) {
    if (error instanceof DeliveryRefusal) return [error.reason, error.message];
    throw error;
  }
}

const hmacOf = (over: Partial<HmacSignature> = {}): SignatureScheme => ({
  scheme: "hmac",
  header: "x-signature",
  hash: "sha256",
  prefix: "",
  encoding: "hex",
  signed: "{body}",
  secretEncoding: "text",
  ...over,
});

const hex = (secret: string, body: string, hash = "sha256") => createHmac(hash, secret).update(body).digest("hex");

describe("signatures of GitHub", () => {
  // The example of GitHub's own documentation.
  const github: Case = {
    signature: { scheme: "github" },
    secrets: [text("It's a Secret to Everybody")],
    headers: ["X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"],
    body: "Hello, World!",
  };

  it("are taken as GitHub documents them", () => {
    expect(refusalOf(github)).toBeUndefined();
  });

  it("are taken by any of several secrets, whichever place it has", () => {
    const [right] = github.secrets as [Uint8Array];
    for (const secrets of [
      [text("old"), right],
      [right, text("new")],
    ])
      expect(refusalOf({ ...github, secrets })).toBeUndefined();
    expect(refusalOf({ ...github, secrets: [text("old"), text("new")] })?.[0]).toBe("signature");
  });

  it.each([
    ["another body", { body: "Hello, World?" }],
    ["a body with one byte more", { body: "Hello, World!\n" }],
    ["an empty body", { body: "" }],
    ["another secret", { secrets: [text("It's a Secret to Nobody!!!")] }],
    ["no secret at all", { secrets: [] }],
    ["no header", { headers: [] }],
    ["an empty header", { headers: ["x-hub-signature-256", ""] }],
    ["the prefix alone", { headers: ["x-hub-signature-256", "sha256="] }],
    ["no prefix", { headers: ["x-hub-signature-256", github.headers[1]!.slice(7)] }],
    [
      "the header of SHA-1",
      { headers: ["x-hub-signature", `sha1=${hex("It's a Secret to Everybody", "Hello, World!", "sha1")}`] },
    ],
    [
      "SHA-1 in its header",
      { headers: ["x-hub-signature-256", `sha256=${hex("It's a Secret to Everybody", "Hello, World!", "sha1")}`] },
    ],
    ["a digest cut short", { headers: ["x-hub-signature-256", github.headers[1]!.slice(0, -2)] }],
    ["a digest with more behind it", { headers: ["x-hub-signature-256", `${github.headers[1]}00`] }],
    ["a digest with half a byte behind it", { headers: ["x-hub-signature-256", `${github.headers[1]}0`] }],
    ["another prefix", { headers: ["x-hub-signature-256", github.headers[1]!.replace("sha256=", "sha512=")] }],
    ["a digit that is none", { headers: ["x-hub-signature-256", `${github.headers[1]!.slice(0, -1)}g`] }],
  ])("are refused for %s", (_name, change: Partial<Case>) => {
    expect(refusalOf({ ...github, ...change })?.[0]).toBe("signature");
  });

  it("are refused when the header is there twice, also with a right one among them", () => {
    expect(refusalOf({ ...github, headers: [...github.headers, ...github.headers] })).toEqual([
      "signature",
      'header "x-hub-signature-256" is given 2 times',
    ]);
  });
});

describe("signatures of Stripe", () => {
  const body = '{"id":"evt_1"}';
  const sign = (secret: string, time: number | string = NOW_S) => hex(secret, `${time}.${body}`);
  const stripe = (header: string, more: Partial<Case> = {}): Case => ({
    signature: { scheme: "stripe" },
    secrets: [text("whsec_1")],
    headers: ["Stripe-Signature", header],
    body,
    ...more,
  });

  it("are taken, with other versions beside them left alone", () => {
    expect(refusalOf(stripe(`t=${NOW_S},v1=${sign("whsec_1")},v0=00`))).toBeUndefined();
    expect(refusalOf(stripe(`t=${NOW_S}, v0=junk, v1=${sign("whsec_1")}`))).toBeUndefined();
  });

  it("are taken when one of several is right, as while a secret is rolled", () => {
    expect(refusalOf(stripe(`t=${NOW_S},v1=${sign("whsec_2")},v1=${sign("whsec_1")}`))).toBeUndefined();
  });

  it("are taken at the edge of the tolerance, and refused as expired beyond it, either way", () => {
    const at = (seconds: number) => refusalOf(stripe(`t=${NOW_S + seconds},v1=${sign("whsec_1", NOW_S + seconds)}`));
    expect([at(-300), at(300)]).toEqual([undefined, undefined]);
    expect(at(-301)).toEqual(["expired", "its time is 301000 ms ago, tolerance 300000 ms"]);
    expect(at(301)).toEqual(["expired", "its time is 301000 ms ahead, tolerance 300000 ms"]);
  });

  it("do not tell that a time is old before the signature is right", () => {
    expect(refusalOf(stripe(`t=${NOW_S - 1000},v1=${sign("whsec_2", NOW_S - 1000)}`))?.[0]).toBe("signature");
  });

  it.each([
    ["no time", `v1=${hex("whsec_1", `.${body}`)}`],
    ["two times", `t=${NOW_S},t=${NOW_S - 1000},v1=${sign("whsec_1")}`],
    ["no signature", `t=${NOW_S}`],
    ["version 0 alone", `t=${NOW_S},v0=${sign("whsec_1")}`],
    ["another time than the signed one", `t=${NOW_S + 1},v1=${sign("whsec_1")}`],
    ["a thousand signatures", `t=${NOW_S}${`,v1=${sign("whsec_2")}`.repeat(17)},v1=${sign("whsec_1")}`],
  ])("are refused for %s", (_name, header) => {
    expect(refusalOf(stripe(header))?.[0]).toBe("signature");
  });

  it("are refused when the time is signed and no time", () => {
    expect(refusalOf(stripe(`t=now,v1=${sign("whsec_1", "now")}`))?.[0]).toBe("expired");
    expect(refusalOf(stripe(`t=,v1=${sign("whsec_1", "")}`))?.[0]).toBe("expired");
  });
});

describe("signatures in a header of choice", () => {
  it.each(["sha256", "sha384", "sha512"] as const)(
    "are taken with %s, as hex and as base64 of both alphabets",
    (hash) => {
      const hmac = () => createHmac(hash, "secret").update("body");
      const one = (value: string, over: Partial<HmacSignature>): Case => ({
        signature: hmacOf({ hash, ...over }),
        secrets: [text("secret")],
        headers: ["X-Signature", value],
        body: "body",
      });
      expect(refusalOf(one(hmac().digest("hex").toUpperCase(), {}))).toBeUndefined();
      for (const encoding of ["base64", "base64url"] as const) {
        expect(refusalOf(one(hmac().digest(encoding), { encoding: "base64" }))).toBeUndefined();
      }
      expect(refusalOf(one(hmac().digest("hex"), { encoding: "base64" }))?.[0]).toBe("signature");
      expect(refusalOf(one(hmac().digest("base64"), {}))?.[0]).toBe("signature");
    },
  );

  it("are taken as Slack signs", () => {
    // The example of Slack's own documentation.
    const body =
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const slack: Case = {
      signature: hmacOf({
        header: "x-slack-signature",
        prefix: "v0=",
        signed: "v0:{timestamp}:{body}",
        timestampHeader: "x-slack-request-timestamp",
      }),
      secrets: [text("8f742231b10e8888abcd99yyyzzz85a5")],
      headers: [
        "X-Slack-Signature",
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "X-Slack-Request-Timestamp",
        "1531420618",
      ],
      body,
      nowUs: 1_531_420_618_000_000,
    };
    expect(refusalOf(slack)).toBeUndefined();
    expect(refusalOf({ ...slack, nowUs: 1_531_421_618_000_000 })?.[0]).toBe("expired");
    expect(refusalOf({ ...slack, headers: slack.headers.slice(0, 2) })).toEqual([
      "signature",
      'header "x-slack-request-timestamp" is absent',
    ]);
  });

  it("are taken as Standard Webhooks are signed, several in a header", () => {
    // The example of the specification's reference implementation.
    const standard: Case = {
      signature: hmacOf({
        header: "webhook-signature",
        prefix: "v1,",
        encoding: "base64",
        signed: "{id}.{timestamp}.{body}",
        timestampHeader: "webhook-timestamp",
        idHeader: "webhook-id",
        secretEncoding: "base64",
      }),
      secrets: [Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64")],
      headers: [
        "webhook-signature",
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg== v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "webhook-timestamp",
        "1614265330",
        "webhook-id",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
      ],
      body: '{"test": 2432232314}',
    };
    expect(refusalOf(standard)).toBeUndefined();
    const otherId = [...standard.headers.slice(0, 5), "msg_other"];
    expect(refusalOf({ ...standard, headers: otherId })?.[0]).toBe("signature");
  });

  it("may have a time in milliseconds", () => {
    const signature = hmacOf({ signed: "{timestamp}{body}", timestampHeader: "x-time" });
    const at = (time: string) =>
      refusalOf({
        signature,
        secrets: [text("s")],
        headers: ["x-signature", hex("s", `${time}body`), "x-time", time],
        body: "body",
      });
    expect(at(`${NOW_S}000`)).toBeUndefined();
    expect(at(`${NOW_S - 301}000`)?.[0]).toBe("expired");
    expect(at(`-${NOW_S}`)?.[0]).toBe("expired");
    expect(at(`${NOW_S}.5`)?.[0]).toBe("expired");
  });

  it("cover bodies that are no text", () => {
    const body = Uint8Array.from({ length: 256 }, (_, i) => i);
    const signed = createHmac("sha256", "s").update(body).digest("hex");
    const one: Case = { signature: hmacOf(), secrets: [text("s")], headers: ["x-signature", signed], body };
    expect(refusalOf(one)).toBeUndefined();
    expect(refusalOf({ ...one, body: Buffer.from(body).toString() })?.[0]).toBe("signature");
  });

  it("are refused when they are more than anybody sends", () => {
    const header = `${`${"0".repeat(64)} `.repeat(16)}${hex("s", "body")}`;
    const one: Case = { signature: hmacOf(), secrets: [text("s")], headers: ["x-signature", header], body: "body" };
    expect(refusalOf(one)?.[1]).toBe('header "x-signature" has 17 signatures, limit 16');
    expect(refusalOf({ ...one, headers: ["x-signature", "0".repeat(5000)] })?.[0]).toBe("signature");
  });
});

describe("refusals of signatures", () => {
  it("hold neither the secret nor the right signature", () => {
    const right = hex("topsecret", "body");
    const refusal = refusalOf({
      signature: hmacOf(),
      secrets: [text("topsecret")],
      headers: ["x-signature", "0".repeat(64)],
      body: "body",
    });
    expect(refusal?.[1]).toBe('header "x-signature" has no signature by a secret of the webhook');
    expect(JSON.stringify(refusal)).not.toContain(right);
  });

  it("are the same to the sender, whatever is wrong", () => {
    const messages = ["signature", "expired"].map((reason) => {
      const { status, publicMessage } = new DeliveryRefusal(reason as "signature", "precisely this");
      return [status, publicMessage];
    });
    expect(messages[0]).toEqual(messages[1]);
    expect(messages[0]?.join(" ")).not.toContain("precisely");
  });
});

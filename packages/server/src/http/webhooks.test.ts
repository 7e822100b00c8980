import { createHmac } from "node:crypto";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { EventService, SpanloomError, WebhookScheme } from "@spanloom/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { serveStubs, storeStub } from "../rpc/testing/stubs.ts";
import type { ServerParts } from "../serve.ts";
import { parseSecretKeys } from "../webhooks/secret-key.ts";
import { memoryTriggers } from "../webhooks/testing/memory-triggers.ts";

const SECRET = "it is a secret";
const NOW_S = 1_700_000_000;
const secrets = {
  keys: parseSecretKeys("test", "ab".repeat(32)),
  environment: (name: string) => ({ HOOK: "from the environment" })[name],
};

let triggers: ReturnType<typeof memoryTriggers>;
let server: Awaited<ReturnType<typeof serveStubs>>;
let nowS: number;
beforeEach(async () => {
  nowS = NOW_S;
  await begin();
});
afterEach(() => server.stop());

async function begin(parts: Partial<ServerParts> = {}): Promise<void> {
  await server?.stop();
  triggers = memoryTriggers();
  server = await serveStubs({
    store: storeStub({ triggers }),
    secrets,
    wallNowUs: () => nowS * 1_000_000,
    ...parts,
  });
}

const client = (headers: Record<string, string> = {}) =>
  createClient(
    EventService,
    createConnectTransport({
      baseUrl: server.url,
      httpVersion: "1.1",
      interceptors: [
        (next) => (request) => {
          for (const [name, value] of Object.entries(headers)) request.header.set(name, value);
          return next(request);
        },
      ],
    }),
  );

const value = (secret: string) => ({ secret: { case: "value" as const, value: secret } });
const env = (name: string) => ({ secret: { case: "env" as const, value: name } });

/** An HMAC of the body in `x-signature`. */
const plain = {
  name: "orders",
  scheme: WebhookScheme.HMAC,
  hmac: { signatureHeader: "X-Signature" },
  secrets: [value(SECRET)],
};

const sign = (body: string | Uint8Array, secret = SECRET) => createHmac("sha256", secret).update(body).digest("hex");

interface Sent {
  headers?: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
  name?: string;
}

/** Delivers JSON, signed rightly unless it is said otherwise. */
async function deliver({ headers = {}, body = '{"total":1}', name = "orders" }: Sent = {}) {
  const response = await fetch(`${server.url}/hooks/${name}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-signature": sign(body), ...headers },
    body,
  });
  const text = await response.text();
  return { status: response.status, answer: text && JSON.parse(text), headers: response.headers };
}

const refusal = { error: "cannot take the delivery: its signature cannot be verified" };

describe("POST /hooks/{name}", () => {
  beforeEach(async () => {
    await client().putWebhook(plain);
  });

  it("makes an event of what is signed, and answers its id when it is stored", async () => {
    await client().putWebhook({
      ...plain,
      headers: ["X-Shop", "User-Agent"],
      key: "shop.{header.x-shop}.{payload.kind}",
    });
    const traceparent = `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`;
    const body = '{ "kind": "paid", "id": 12345678901234567890 }';
    const headers = { "x-shop": "berlin", "user-agent": "shop/1", cookie: "a=b", traceparent };
    const { status, answer } = await deliver({ body, headers });
    expect([status, answer]).toEqual([202, { event_id: triggers.events[0]?.id }]);
    expect(triggers.events).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        key: "shop.berlin.paid",
        payload: Buffer.from(body),
        metadata: { "x-shop": "berlin", "user-agent": "shop/1" },
        trace: { traceparent, tracestate: "", baggage: "" },
        source: "webhook",
        webhook: "orders",
        replayOf: "",
        onlyTrigger: "",
        depth: 0,
      },
    ]);
  });

  it("takes the same delivery again with the same answer, and stores it once", async () => {
    const first = await deliver();
    const again = await deliver();
    expect([again.status, again.answer]).toEqual([202, first.answer]);
    expect(triggers.events).toHaveLength(1);
    expect((await deliver({ body: '{"total":2}' })).answer).not.toEqual(first.answer);
  });

  it.each([
    ["another secret", { headers: { "x-signature": sign('{"total":1}', "not the secret") } }],
    ["another body", { headers: { "x-signature": sign('{"total":2}') } }],
    ["no signature", { headers: { "x-signature": "" } }],
    ["no hex", { headers: { "x-signature": "secret" } }],
  ])("answers one thing, and stores nothing, for a signature of %s", async (_name, sent) => {
    const { status, answer } = await deliver(sent);
    expect([status, answer, triggers.events]).toEqual([401, refusal, []]);
    expect(server.log).toEqual([
      expect.stringMatching(/^cannot take a delivery to webhook "orders": header "x-signature"/),
    ]);
  });

  it("tells what is wrong with a body to those alone who signed it", async () => {
    const unsigned = { "x-signature": sign("", "another secret") };
    expect((await deliver({ body: "no json", headers: unsigned })).status).toBe(401);
    expect((await deliver({ body: "text", headers: { ...unsigned, "content-type": "text/plain" } })).status).toBe(401);
    const malformed = await deliver({ body: "no json" });
    expect([malformed.status, malformed.answer]).toEqual([
      400,
      { error: "cannot take the delivery: its body cannot be read" },
    ]);
    const unsupported = await deliver({ body: "text", headers: { "content-type": "text/plain" } });
    expect([unsupported.status, unsupported.headers.get("accept-encoding")]).toEqual([415, "identity"]);
    expect(triggers.events).toEqual([]);
  });

  it("answers 404 for names that no webhook has, or has any more", async () => {
    for (const name of ["nothing", "orders/", "orders%2f", "", "a".repeat(200), "__proto__"])
      expect((await deliver({ name })).status, name).toBe(404);
    await deliver();
    await client().deleteWebhook({ name: "orders" });
    expect((await deliver()).status).toBe(404);
    expect(triggers.events).toHaveLength(1);
    // What nobody knows is not repeated, neither to its sender nor in the log.
    expect(server.log).toEqual(["cannot take a delivery to a webhook that is not there: no webhook has this name"]);
  });

  it("answers 405 for other methods", async () => {
    for (const method of ["GET", "PUT", "DELETE", "OPTIONS"]) {
      const response = await fetch(`${server.url}/hooks/orders`, { method });
      expect([response.status, response.headers.get("allow")], method).toEqual([405, "POST"]);
    }
  });

  it("answers 503 while it is paused, and takes what comes afterwards", async () => {
    await client().putWebhook({ ...plain, paused: true });
    const { status, headers } = await deliver();
    expect([status, headers.get("retry-after")]).toEqual([503, "60"]);
    await client().putWebhook(plain);
    expect((await deliver()).status).toBe(202);
  });

  it.each([
    ["STORE_UNAVAILABLE", 503, "5"],
    ["SHUTTING_DOWN", 503, "5"],
    ["OVERLOADED", 429, "5"],
    ["LIMIT_EXCEEDED", 413, null],
  ] as const)("answers %s of the store with %d", async (reason, expected, retryAfter) => {
    await deliver();
    triggers.failure = new SpanloomError(reason, "cannot publish: precisely this");
    const { status, answer, headers } = await deliver({ body: "{}" });
    expect([status, headers.get("retry-after")]).toEqual([expected, retryAfter]);
    expect(JSON.stringify(answer)).not.toContain("precisely");
    triggers.failure = undefined;
    expect((await deliver({ body: "{}" })).status).toBe(202);
  });

  it("answers 500 for a defect, told by reference alone", async () => {
    await deliver();
    triggers.failure = new Error("row 7 of table events");
    const { status, answer } = await deliver({ body: "{}" });
    expect([status, answer]).toEqual([500, { error: "cannot take the delivery: a defect in the server" }]);
    expect(server.log.join("\n")).toContain("row 7 of table events");
  });

  it("answers 429 while too many events wait, and asks the store for their number once in a while", async () => {
    triggers.waiting = 2_000_000;
    const { status, headers } = await deliver();
    expect([status, headers.get("retry-after")]).toEqual([429, "5"]);
    expect(triggers.events).toEqual([]);
    await Promise.all(Array.from({ length: 20 }, () => deliver()));
    expect(triggers.calls.eventBacklog).toBeLessThan(20);
  });

  it("does not read webhooks anew for every delivery, and knows of a change at once", async () => {
    await deliver();
    const { list } = triggers.calls;
    for (const body of ["1", "2", "3"]) expect((await deliver({ body })).status).toBe(202);
    expect(triggers.calls.list).toBe(list);
    await client().putWebhook({ ...plain, secrets: [value("another secret")] });
    expect((await deliver({ body: "4" })).status).toBe(401);
    expect((await deliver({ body: "4", headers: { "x-signature": sign("4", "another secret") } })).status).toBe(202);
  });

  it("is served over HTTP/2", async () => {
    const session = connectHttp2(server.url);
    const body = '{"a":1}';
    const stream = session.request({
      ":method": "POST",
      ":path": "/hooks/orders?query=is-nothing",
      "content-type": "application/json",
      "x-signature": sign(body),
    });
    stream.end(body);
    const [headers] = await once(stream, "response");
    stream.resume();
    expect(headers[":status"]).toBe(202);
    session.destroy();
  });

  it("logs what is refused for one reason once a minute, with a count", async () => {
    const wrong = { headers: { "x-signature": "00" } };
    for (let i = 0; i < 5; i++) await deliver(wrong);
    expect(server.log).toHaveLength(1);
    nowS += 61;
    await deliver(wrong);
    expect(server.log[1]).toMatch(/\(and 4 more since the last such line\)$/);
  });

  it("counts deliveries by what became of them", async () => {
    await deliver();
    await deliver();
    await deliver({ headers: { "x-signature": "00" } });
    await deliver({ name: "nothing" });
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line.startsWith("spanloom_webhooks_deliveries_total{"));
    expect(lines.sort()).toEqual([
      'spanloom_webhooks_deliveries_total{spanloom_webhook="",spanloom_outcome="unknown"} 1',
      'spanloom_webhooks_deliveries_total{spanloom_webhook="orders",spanloom_outcome="accepted"} 1',
      'spanloom_webhooks_deliveries_total{spanloom_webhook="orders",spanloom_outcome="repeated"} 1',
      'spanloom_webhooks_deliveries_total{spanloom_webhook="orders",spanloom_outcome="signature"} 1',
    ]);
    expect(text).toMatch(/http_server_request_duration_seconds_count\{http_route="\/hooks\/\{name\}",.*"202"\} 2/);
  });

  it("shows secrets and signatures to nobody", async () => {
    await deliver({ headers: { "x-signature": sign("x") } });
    const listed = await client().listWebhooks({});
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const { webhook } = await client().getWebhook({ name: "orders" });
    expect(webhook).toMatchObject({ storedSecrets: 1, secretEnv: [], path: "/hooks/orders" });
    const stored = Buffer.from((await triggers.get("webhook", "orders"))!.body).toString();
    const shown = [
      JSON.stringify(listed, (_, v) => (typeof v === "bigint" ? `${v}` : v)),
      metrics,
      server.log.join(),
      stored,
    ];
    for (const text of shown) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain(Buffer.from(SECRET).toString("base64").slice(0, 12));
      expect(text).not.toContain(sign('{"total":1}'));
    }
  });
});

describe("signed times", () => {
  it("are held against the clock, and let nothing in again later", async () => {
    await client().putWebhook({ ...plain, hmac: { signatureHeader: "X-Signature", timestampHeader: "X-Time" } });
    const headers = { "x-time": `${NOW_S}`, "x-signature": sign(`${NOW_S}.{}`) };
    const first = await deliver({ body: "{}", headers });
    expect(first.status).toBe(202);
    nowS += 299;
    expect(await deliver({ body: "{}", headers })).toMatchObject({ status: 202, answer: first.answer });
    nowS += 2;
    expect(await deliver({ body: "{}", headers })).toMatchObject({ status: 401, answer: refusal });
    expect(triggers.events).toHaveLength(1);
    expect(server.log).toEqual([expect.stringContaining("its time is 301000 ms ago, tolerance 300000 ms")]);
  });
});

describe("deliveries of GitHub and Stripe", () => {
  it("become events of their kind", async () => {
    await client().putWebhook({ name: "code", scheme: WebhookScheme.GITHUB, secrets: [value(SECRET)] });
    await client().putWebhook({ name: "pay", scheme: WebhookScheme.STRIPE, secrets: [value(SECRET)] });
    const body = '{"action":"opened"}';
    const github = {
      "x-hub-signature-256": `sha256=${sign(body)}`,
      "x-github-event": "issues",
      "x-github-delivery": "d1",
    };
    expect((await deliver({ name: "code", body, headers: github })).status).toBe(202);
    const paid = '{"id":"evt_1","type":"invoice.paid"}';
    const stripe = { "stripe-signature": `t=${NOW_S},v1=${sign(`${NOW_S}.${paid}`)}` };
    expect((await deliver({ name: "pay", body: paid, headers: stripe })).status).toBe(202);
    expect(triggers.events.map(({ key, metadata }) => [key, metadata])).toEqual([
      ["webhook.code.issues.opened", { "x-github-event": "issues", "x-github-delivery": "d1" }],
      ["webhook.pay.invoice.paid", {}],
    ]);
    nowS += 301;
    expect((await deliver({ name: "pay", body: paid, headers: stripe })).status).toBe(401);
  });
});

describe("secrets of deliveries", () => {
  it("may be variables of the environment, and missing ones are told in the log alone", async () => {
    await client().putWebhook({ ...plain, secrets: [env("HOOK"), env("GONE")] });
    expect((await deliver({ headers: { "x-signature": sign('{"total":1}', "from the environment") } })).status).toBe(
      202,
    );
    const { status, answer, headers } = await deliver();
    expect([status, answer, headers.get("retry-after")]).toEqual([
      503,
      { error: "cannot take the delivery: try again later" },
      "60",
    ]);
    expect(server.log).toEqual([
      `webhook "orders": secret 2 cannot be used: the server's environment has no GONE`,
      `cannot take a delivery to webhook "orders": secret 2 cannot be used: the server's environment has no GONE`,
    ]);
  });

  it("cannot be read, nor deliveries verified, when the key they were stored with is gone", async () => {
    await client().putWebhook(plain);
    const { body } = (await triggers.get("webhook", "orders"))!;
    await begin({ secrets: { ...secrets, keys: parseSecretKeys("test", "cd".repeat(32)) } });
    const rest = { kind: "webhook", id: "", name: "orders", paused: false, pauseReason: "", keepFirings: 0 } as const;
    await triggers.put({ ...rest, body }, 0);
    expect((await deliver()).status).toBe(503);
    expect(server.log[0]).toMatch(/no key in SPANLOOM_SECRET_KEY is the one it was sealed with, [0-9a-f]{12}$/);
  });
});

describe("webhooks that check no signature", () => {
  const open = { name: "open", scheme: WebhookScheme.NONE };

  it("take whatever comes, each an event, where the server has no tokens", async () => {
    await client().putWebhook(open);
    const ids = await Promise.all([1, 2].map(async () => (await deliver({ name: "open" })).answer.event_id));
    expect(new Set(ids).size).toBe(2);
    expect(triggers.events.map(({ key }) => key)).toEqual(["webhook.open", "webhook.open"]);
  });

  it("need a token of scope submit where the server has tokens; signed ones need none", async () => {
    await begin({ token: "all" });
    const authorization = "Bearer all";
    await client({ authorization }).putWebhook(open);
    await client({ authorization }).putWebhook(plain);
    expect((await deliver({ name: "open" })).status).toBe(401);
    expect((await deliver({ name: "open", headers: { authorization: "Bearer other" } })).status).toBe(401);
    expect((await deliver({ name: "open", headers: { authorization } })).status).toBe(202);
    expect((await deliver()).status).toBe(202);
    expect(JSON.stringify(triggers.events)).not.toContain("Bearer");
    expect(server.log.join()).not.toContain("other");
  });
});

describe("abuse of webhooks", () => {
  beforeEach(async () => {
    await client().putWebhook({ ...plain, maxBodyBytes: 1_000 });
  });

  it("is refused when a body is larger than the webhook takes, announced or not", async () => {
    const body = `"${"x".repeat(1_000)}"`;
    expect((await deliver({ body })).status).toBe(413);
    const chunked = await fetch(`${server.url}/hooks/orders`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-signature": sign(body) },
      body: new Blob([body]).stream(),
      duplex: "half",
    } as RequestInit);
    expect(chunked.status).toBe(413);
    const fits = `"${"x".repeat(998)}"`;
    expect((await deliver({ body: fits })).status).toBe(202);
  });

  it("is refused when the body is compressed, and nothing is unpacked", async () => {
    const body = gzipSync("[]") as Uint8Array<ArrayBuffer>;
    expect((await deliver({ body, headers: { "content-encoding": "gzip" } })).status).toBe(415);
  });

  it("is refused before its body has come when it is not signed at all", async () => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.write(
      "POST /hooks/orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{",
    );
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(/^HTTP\/1\.1 401 [\s\S]*connection: close/i);
    socket.destroy();
  });

  it("is refused when a header is given twice, though a right one is among them", async () => {
    const body = "{}";
    const post = (headers: string[]) =>
      [
        "POST /hooks/orders HTTP/1.1",
        "host: x",
        ...headers,
        "content-type: application/json",
        `content-length: ${body.length}`,
        "connection: close",
        "",
        body,
      ].join("\r\n");
    const answerOf = async (headers: string[]): Promise<string> => {
      const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
      socket.write(post(headers));
      let text = "";
      for await (const chunk of socket) text += chunk;
      return text;
    };
    const right = `x-signature: ${sign(body)}`;
    expect(await answerOf([right])).toMatch(/^HTTP\/1\.1 202 /);
    expect(await answerOf([right, "X-Signature: 00"])).toMatch(/^HTTP\/1\.1 401 /);
    expect(await answerOf([right, right])).toMatch(/^HTTP\/1\.1 401 /);
    expect(await answerOf([right, "content-type: text/plain"])).toMatch(/^HTTP\/1\.1 400 /);
    expect(await answerOf([right, `x-large: ${"x".repeat(20_000)}`])).toMatch(/^HTTP\/1\.1 431 /);
  });

  it("is refused for bytes that are no text and for JSON that would cost the parser dear", async () => {
    for (const body of [Uint8Array.of(0x22, 0xff, 0xfe, 0x22), "[".repeat(900), '{"a":', ""])
      expect((await deliver({ body })).status).toBe(400);
    expect(triggers.events).toEqual([]);
  });

  it("changes nothing of objects by keys that all of them have", async () => {
    await client().putWebhook({ ...plain, key: "a.{payload.__proto__.x}.{payload.constructor.name}" });
    const body = '{"__proto__":{"x":"own"},"constructor":{"prototype":{"y":1}}}';
    expect((await deliver({ body })).status).toBe(202);
    expect(triggers.events[0]).toMatchObject({ key: "a.own", payload: Buffer.from(body) });
    expect(({} as { x?: string }).x).toBeUndefined();
  });

  it("holds up nobody when bodies never come to their end", async () => {
    const port = Number(new URL(server.url).port);
    const slow = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const socket = connect(port, "127.0.0.1").on("error", () => undefined);
        await once(socket, "connect");
        socket.write(
          `POST /hooks/orders HTTP/1.1\r\nhost: x\r\nx-signature: ${sign("")}\r\ncontent-length: 900\r\n\r\n{`,
        );
        return socket;
      }),
    );
    expect((await deliver()).status).toBe(202);
    for (const socket of slow) socket.destroy();
    expect(triggers.events).toHaveLength(1);
  });
});

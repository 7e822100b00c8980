import { type MessageInitShape, toJsonString } from "@bufbuild/protobuf";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import {
  defaultLimits,
  durationFromMs,
  EventService,
  fromConnectError,
  IdGenerator,
  type PutWebhookRequestSchema,
  PutWebhookResponseSchema,
  WebhookEncoding,
  WebhookHash,
  WebhookScheme,
  WebhookSecretEncoding,
} from "@spanloom/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { parseSecretKeys } from "../webhooks/secret-key.ts";
import { memoryTriggers } from "../webhooks/testing/memory-triggers.ts";
import { decodeWebhook } from "../webhooks/webhook-definition.ts";
import { errorInterceptor } from "./error-interceptor.ts";
import { eventService } from "./event-service.ts";
import { registerServices } from "./service-route.ts";

type PutRequest = MessageInitShape<typeof PutWebhookRequestSchema>;

const oldKey = "ab".repeat(32);
const newKey = "cd".repeat(32);
let triggers: ReturnType<typeof memoryTriggers>;
let client: ReturnType<typeof clientOf>;
beforeEach(() => {
  triggers = memoryTriggers();
  client = clientOf(oldKey);
});

/** A client of a server with these keys, over the store of the test. */
function clientOf(keys: string | undefined) {
  let drawn = 0;
  const service = eventService({
    store: { triggers, getJobs: async () => [], jobStates: async () => new Map() },
    clock: systemClock,
    ids: new IdGenerator(() => 1_700_000_000_000),
    limits: defaultLimits,
    secrets: { keys: keys === undefined ? [] : parseSecretKeys("keys", keys), environment: () => undefined },
    random: (size) => new Uint8Array(size).fill(++drawn),
  });
  const transport = createRouterTransport((router) => registerServices(router, [service]), {
    router: { interceptors: [errorInterceptor(() => {})] },
  });
  return createClient(EventService, transport);
}

const value = (text: string) => ({ secret: { case: "value" as const, value: text } });
const env = (name: string) => ({ secret: { case: "env" as const, value: name } });
const hmac = { signatureHeader: "X-Signature" };
const orders = { name: "orders", scheme: WebhookScheme.HMAC, hmac, secrets: [value("a secret")] } satisfies PutRequest;

/** Reason, field and message of what a request is refused for. */
async function refusalOf(request: PutRequest): Promise<[string, string | undefined, string]> {
  const error = await client.putWebhook(request).then(
    () => undefined,
    (cause: unknown) => fromConnectError(cause),
  );
  return [error?.reason ?? "none", error?.facts.field, error?.message ?? ""];
}

const storedSecrets = async () => decodeWebhook((await triggers.get("webhook", "orders"))!.body).secrets;

describe("PutWebhook", () => {
  it("fills in defaults, and shows of secrets how many are stored", async () => {
    const answer = await client.putWebhook({ ...orders, secrets: [value("a secret"), env("ORDERS_SECRET")] });
    expect(answer).toMatchObject({ created: true, changed: true });
    expect(answer.webhook).toMatchObject({
      name: "orders",
      scheme: WebhookScheme.HMAC,
      hmac: {
        signatureHeader: "x-signature",
        prefix: "",
        hash: WebhookHash.SHA256,
        encoding: WebhookEncoding.HEX,
        signed: "{body}",
        secretEncoding: WebhookSecretEncoding.TEXT,
      },
      secretEnv: ["ORDERS_SECRET"],
      storedSecrets: 1,
      key: "webhook.{name}",
      maxBodyBytes: 1_048_576,
      tolerance: { seconds: 300n },
      path: "/hooks/orders",
      revision: 1n,
    });
    expect(toJsonString(PutWebhookResponseSchema, answer)).not.toContain("a secret");
  });

  it("keeps what it was told", async () => {
    const told = {
      ...orders,
      description: "orders of the shop",
      hmac: {
        signatureHeader: "Webhook-Signature",
        prefix: "v1,",
        hash: WebhookHash.SHA512,
        encoding: WebhookEncoding.BASE64,
        timestampHeader: "Webhook-Timestamp",
        idHeader: "Webhook-Id",
        signed: "{id}.{timestamp}.{body}",
        secretEncoding: WebhookSecretEncoding.BASE64,
      },
      secrets: [value(`whsec_${Buffer.from("a long secret").toString("base64")}`)],
      key: "shop.{header.x-topic}.{payload.kind}",
      headers: ["X-Topic"],
      maxBodyBytes: 1_000,
      tolerance: durationFromMs(60_000),
      acceptText: true,
      paused: true,
    } satisfies PutRequest;
    const { webhook } = await client.putWebhook(told);
    const { secrets: _, headers: __, ...same } = told;
    expect(webhook).toMatchObject({
      ...same,
      hmac: {
        ...told.hmac,
        signatureHeader: "webhook-signature",
        timestampHeader: "webhook-timestamp",
        idHeader: "webhook-id",
      },
      headers: ["x-topic"],
    });
    expect((await client.getWebhook({ name: "orders" })).webhook).toEqual(webhook);
  });

  it("changes nothing when it is sent again, stored secrets included", async () => {
    const first = await client.putWebhook(orders);
    const again = await client.putWebhook(orders);
    expect(again).toMatchObject({ created: false, changed: false, webhook: first.webhook });
    const changed = await client.putWebhook({ ...orders, description: "other" });
    expect(changed).toMatchObject({ created: false, changed: true, webhook: { revision: 2n, id: first.webhook?.id } });
  });

  it("keeps the secrets that are there when it is given none", async () => {
    await client.putWebhook(orders);
    const before = await storedSecrets();
    await client.putWebhook({ ...orders, secrets: [], description: "other" });
    expect(await storedSecrets()).toEqual(before);
  });

  it("replaces the secrets by those that it is given", async () => {
    await client.putWebhook(orders);
    const [kept] = await storedSecrets();
    await client.putWebhook({ ...orders, secrets: [value("a new secret"), value("a secret")] });
    expect(await storedSecrets()).toEqual([{ sealed: expect.stringMatching(/^v1\./) }, kept]);
    await client.putWebhook({ ...orders, secrets: [env("OTHER")] });
    expect(await storedSecrets()).toEqual([{ env: "OTHER" }]);
    await client.putWebhook({ name: "orders", scheme: WebhookScheme.NONE });
    expect(await storedSecrets()).toEqual([]);
  });

  it("stores a secret anew under a new key", async () => {
    await client.putWebhook(orders);
    const [before] = await storedSecrets();
    client = clientOf(`${newKey},${oldKey}`);
    expect((await client.putWebhook(orders)).changed).toBe(true);
    const [after] = await storedSecrets();
    expect(after).not.toEqual(before);
    expect((await client.putWebhook(orders)).changed).toBe(false);
  });

  it("stores no secret where there is no key, and says what to do", async () => {
    client = clientOf(undefined);
    expect(await refusalOf(orders)).toEqual([
      "INVALID_STATE",
      undefined,
      'cannot store a secret of webhook "orders": the server has no key; set SPANLOOM_SECRET_KEY, or name a variable with `env`',
    ]);
    expect((await client.putWebhook({ ...orders, secrets: [env("ORDERS_SECRET")] })).created).toBe(true);
  });

  it("survives others that change the same webhook meanwhile", async () => {
    await Promise.all(Array.from({ length: 5 }, (_, i) => client.putWebhook({ ...orders, description: `${i}` })));
    expect((await client.getWebhook({ name: "orders" })).webhook?.revision).toBe(5n);
  });

  it.each<[string, PutRequest, string]>([
    ["no name", { name: "" }, "name"],
    ["a name with a slash", { name: "a/b" }, "name"],
    ["a name of dots", { name: ".." }, "name"],
    ["a name that is too long", { name: "a".repeat(129) }, "name"],
    ["no scheme", { scheme: WebhookScheme.UNSPECIFIED, hmac: undefined } as never, "scheme"],
    ["a scheme of the future", { scheme: 99, hmac: undefined } as never, "scheme"],
    ["HMAC without settings", { hmac: undefined } as never, "hmac"],
    ["settings of HMAC with another", { scheme: WebhookScheme.GITHUB }, "hmac"],
    ["no header of the signature", { hmac: {} }, "hmac.signature_header"],
    ["a header that is none", { hmac: { signatureHeader: "X Signature" } }, "hmac.signature_header"],
    ["a header that breaks the line", { hmac: { signatureHeader: "x\r\ny" } }, "hmac.signature_header"],
    ["an id that is the signature", { hmac: { ...hmac, idHeader: "x-signature" } }, "hmac.id_header"],
    ["a prefix with a space", { hmac: { ...hmac, prefix: "a b" } }, "hmac.prefix"],
    ["a hash of the future", { hmac: { ...hmac, hash: 99 as WebhookHash } }, "hmac.hash"],
    ["what is signed without the body", { hmac: { ...hmac, signed: "{id}", idHeader: "x-id" } }, "hmac.signed"],
    ["what is signed with the body twice", { hmac: { ...hmac, signed: "{body}{body}" } }, "hmac.signed"],
    ["what is signed with something else", { hmac: { ...hmac, signed: "{url}{body}" } }, "hmac.signed"],
    ["a time that is not signed", { hmac: { ...hmac, timestampHeader: "x-time", signed: "{body}" } }, "hmac.signed"],
    ["a signed time without a header", { hmac: { ...hmac, signed: "{timestamp}{body}" } }, "hmac.timestamp_header"],
    ["a signed id without a header", { hmac: { ...hmac, signed: "{id}{body}" } }, "hmac.id_header"],
    ["no secret", { secrets: [] }, "secrets"],
    ["a secret with NONE", { scheme: WebhookScheme.NONE, hmac: undefined } as never, "secrets"],
    ["an empty secret", { secrets: [{}] }, "secrets[0]"],
    ["a secret that is too short", { secrets: [value("hunter2")] }, "secrets[0].value"],
    [
      "a secret that is no base64",
      { hmac: { ...hmac, secretEncoding: WebhookSecretEncoding.BASE64 } },
      "secrets[0].value",
    ],
    ["a variable that is none", { secrets: [env("A-B")] }, "secrets[0].env"],
    ["a variable of the server's own", { secrets: [env("SPANLOOM_TOKEN")] }, "secrets[0].env"],
    ["a key that a sender could choose", { key: "{payload.key}" }, "key"],
    ["a key of the program's own", { key: "spanloom.job.succeeded" }, "key"],
    ["headers that let in", { headers: ["X-A", "Authorization"] }, "headers[1]"],
    ["the header of the signature kept", { headers: ["x-signature"] }, "headers[0]"],
    ["cookies", { headers: ["Cookie"] }, "headers[0]"],
    ["a header twice", { headers: ["x-a", "X-A"] }, "headers[1]"],
    ["bodies over the limit", { maxBodyBytes: 1_048_577 }, "max_body_bytes"],
    ["no tolerance", { tolerance: durationFromMs(0) }, "tolerance"],
    ["a tolerance of two days", { tolerance: durationFromMs(2 * 86_400_000) }, "tolerance"],
  ])("refuses %s, by field, and quotes no secret", async (_name, change, field) => {
    const [reason, named, message] = await refusalOf({ ...orders, ...change } as PutRequest);
    expect([reason, named]).toEqual(["INVALID_FIELD", field]);
    expect(message).toContain(field);
    expect(message).not.toMatch(/hunter2|a secret/);
    expect(await triggers.get("webhook", "orders")).toBeUndefined();
  });

  it.each<[PutRequest, string]>([
    [{ secrets: Array.from({ length: 5 }, () => env("A")) }, "secrets"],
    [{ secrets: [value("x".repeat(1_025))] }, "secrets[0].value"],
    [{ headers: Array.from({ length: 33 }, (_, i) => `x-${i}`) }, "headers"],
    [{ description: "x".repeat(4_097) }, "description"],
    [{ key: "x".repeat(257) }, "key"],
  ])("refuses more than the limit", async (change, field) => {
    expect((await refusalOf({ ...orders, ...change } as PutRequest)).slice(0, 2)).toEqual(["LIMIT_EXCEEDED", field]);
  });

  it("lets webhooks name variables that are meant for them", async () => {
    const secrets = [env("SPANLOOM_WEBHOOK_ORDERS")];
    expect((await client.putWebhook({ ...orders, secrets })).webhook?.secretEnv).toEqual(["SPANLOOM_WEBHOOK_ORDERS"]);
  });
});

describe("webhooks that are there", () => {
  it("are listed by name, page by page", async () => {
    for (const name of ["c", "a", "b"]) await client.putWebhook({ ...orders, name });
    const first = await client.listWebhooks({ pageSize: 2 });
    expect(first.webhooks.map(({ name }) => name)).toEqual(["a", "b"]);
    const second = await client.listWebhooks({ pageSize: 2, pageToken: first.nextPageToken });
    expect([second.webhooks.map(({ name }) => name), second.nextPageToken]).toEqual([["c"], ""]);
  });

  it("are deleted once", async () => {
    await client.putWebhook(orders);
    expect((await client.deleteWebhook({ name: "orders" })).deleted).toBe(true);
    expect((await client.deleteWebhook({ name: "orders" })).deleted).toBe(false);
    await expect(client.getWebhook({ name: "orders" })).rejects.toThrow('cannot find webhook "orders"');
  });
});

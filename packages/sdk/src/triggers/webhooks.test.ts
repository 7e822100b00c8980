import { Code, ConnectError } from "@connectrpc/connect";
import { WebhookEncoding, WebhookHash, WebhookScheme, WebhookSecretEncoding } from "@spanloom/protocol";
import { afterEach, describe, expect, it } from "vitest";
import { Client } from "../client.ts";
import { FakeTriggerService } from "../testing/fake-trigger-service.ts";
import type { WebhookOptions } from "./webhook-options.ts";

const clients: Client[] = [];
function start(): { service: FakeTriggerService; client: Client } {
  const service = new FakeTriggerService();
  const client = new Client({ transport: service.transport, retry: { wait: async () => undefined } });
  clients.push(client);
  return { service, client };
}
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

const orders = {
  name: "orders",
  scheme: "hmac",
  hmac: {
    signatureHeader: "X-Signature",
    prefix: "v1=",
    hash: "sha512",
    encoding: "base64",
    timestampHeader: "X-Time",
    idHeader: "X-Id",
    signed: "{id}.{timestamp}.{body}",
    secretEncoding: "base64",
  },
  secrets: [{ env: "ORDERS_SECRET" }, { value: "hush-hush" }],
  key: "order.{payload.type}",
  headers: ["X-Shop"],
  maxBodyBytes: 1_000,
  tolerance: "1m",
  acceptText: true,
  description: "from the shop",
} satisfies WebhookOptions;

describe("webhooks", () => {
  it("are put with all that is said of them, again when the answer was lost", async () => {
    const { service, client } = start();
    service.failures.push(new ConnectError("lost", Code.Unavailable));
    const { webhook, created } = await client.webhooks.put(orders);
    expect(created).toBe(false);
    expect(service.putWebhooks).toHaveLength(2);
    expect(service.putWebhooks[0]).toMatchObject({
      name: "orders",
      scheme: WebhookScheme.HMAC,
      hmac: {
        ...orders.hmac,
        hash: WebhookHash.SHA512,
        encoding: WebhookEncoding.BASE64,
        secretEncoding: WebhookSecretEncoding.BASE64,
      },
      secrets: [{ secret: { case: "env", value: "ORDERS_SECRET" } }, { secret: { case: "value", value: "hush-hush" } }],
      key: "order.{payload.type}",
      headers: ["X-Shop"],
      maxBodyBytes: 1_000,
      tolerance: { seconds: 60n },
      acceptText: true,
      paused: false,
    });
    expect(webhook).toEqual({
      id: "id of orders",
      name: "orders",
      description: "from the shop",
      scheme: "hmac",
      hmac: orders.hmac,
      secretEnv: ["ORDERS_SECRET"],
      storedSecrets: 1,
      key: "order.{payload.type}",
      headers: ["X-Shop"],
      maxBodyBytes: 1_000,
      toleranceMs: 60_000,
      acceptText: true,
      paused: false,
      path: "/hooks/orders",
      createdAt: new Date(0),
      updatedAt: new Date(0),
      revision: 0,
    });
  });

  it("need no more than a name and a scheme, and are listed and deleted", async () => {
    const { service, client } = start();
    await client.webhooks.put({ name: "open", scheme: "none" });
    await client.webhooks.put({ name: "code", scheme: "github", secrets: [{ env: "CODE_SECRET" }] });
    expect(service.putWebhooks[0]).toMatchObject({ scheme: WebhookScheme.NONE, secrets: [], maxBodyBytes: 0 });
    expect(service.putWebhooks[0]).not.toHaveProperty("hmac");
    const names: string[] = [];
    for await (const { name, scheme } of client.webhooks.list({ limit: 5 })) names.push(`${name} ${scheme}`);
    expect(names).toEqual(["open none", "code github"]);
    expect(await client.webhooks.get("open")).toMatchObject({ scheme: "none" });
    expect([await client.webhooks.delete("open"), await client.webhooks.delete("open")]).toEqual([true, false]);
    await expect(client.webhooks.get("open")).rejects.toMatchObject({ reason: "WEBHOOK_NOT_FOUND" });
  });

  it.each([
    [{ ...orders, scheme: "sha1" }, 'scheme is "sha1", must be one of none, hmac, github, stripe'],
    [{ ...orders, scheme: "toString" }, 'scheme is "toString", must be one of'],
    [{ ...orders, hmac: { ...orders.hmac, hash: "md5" } }, 'hash is "md5", must be one of sha256, sha384, sha512'],
    [{ ...orders, tolerance: "soon" }, 'tolerance is "soon", must be'],
    [{ ...orders, secrets: [{ env: "A" }, { value: "hush", env: "B" }] }, "secrets[1] must have either a value or"],
    [{ ...orders, secrets: [{ value: 5 }] }, "secrets[0] must have either a value or"],
  ])("refuse %o by name, and quote no secret", async (options, message) => {
    const { service, client } = start();
    const put = client.webhooks.put(options as never);
    await expect(put).rejects.toMatchObject({ reason: "INVALID_FIELD" });
    await expect(put).rejects.toThrow(`cannot put webhook "orders": ${message}`);
    await expect(put).rejects.not.toThrow("hush");
    expect(service.calls).toEqual({});
  });
});

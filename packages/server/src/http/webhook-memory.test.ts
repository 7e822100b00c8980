import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { waitFor } from "@spanloom/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { testWebhook } from "../webhooks/testing/test-webhook.ts";
import { WebhookIntake } from "../webhooks/webhook-intake.ts";
import { authorizeAll } from "./authorization.ts";
import type { HttpResponse } from "./http-response.ts";
import { serveWebhook } from "./webhooks.ts";

const SECRET = "it is a secret";
const sign = (body: string) => createHmac("sha256", SECRET).update(body).digest("hex");
const signed = (body: string) => ({ "content-type": "application/json", "x-signature": sign(body) });

/** A handler of webhooks that holds 200 bytes at most, and two deliveries that hold 198 and never end. */
async function crowded() {
  const target = { find: async () => testWebhook({ hmac: { prefix: "" }, secrets: [{ env: "X" }] }) };
  const intake = new WebhookIntake({
    target: { ...target, publish: async () => ({ isNew: true }) },
    secrets: { keys: [], environment: () => SECRET },
    nowUs: () => 0,
    newId: () => "",
    log: () => {},
    maxHeldBytes: 200,
  });
  const options = { webhooks: intake, authorize: authorizeAll, maxRequestBytes: 1_000, log: () => {} };
  const http = createServer((request, response) => {
    serveWebhook(request.url ?? "", request, response as HttpResponse, options);
  });
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  await once(http.listen(0, "127.0.0.1"), "listening");
  const { port } = http.address() as AddressInfo;
  const sockets = [1, 2].map(() => {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    const head = `POST /hooks/orders HTTP/1.1\r\nhost: x\r\nx-signature: ${sign("")}\r\ncontent-length: 900`;
    socket.write(`${head}\r\n\r\n${"x".repeat(99)}`);
    return socket;
  });
  return { url: `http://127.0.0.1:${port}`, intake, sockets };
}

describe("what bodies of deliveries hold in memory together", () => {
  it("is refused while it is too much, and taken when what held it is gone", async () => {
    const { url, intake, sockets } = await crowded();
    const small = () => fetch(`${url}/hooks/orders`, { method: "POST", headers: signed("[1]"), body: "[1]" });
    await waitFor(() => intake.held.bytes === 198);
    const refused = await small();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "5"]);
    for (const socket of sockets) socket.destroy();
    await waitFor(() => intake.held.bytes === 0);
    expect((await small()).status).toBe(202);
  });
});

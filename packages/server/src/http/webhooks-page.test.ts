import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { EventService, WebhookScheme } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { serveStubs, storeStub } from "../rpc/testing/stubs.ts";
import { refusalStatus } from "../webhooks/delivery-refusal.ts";
import { memoryTriggers } from "../webhooks/testing/memory-triggers.ts";

const page = readFileSync(path.resolve(import.meta.dirname, "../../../../docs/webhooks.md"), "utf8");
const commands = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
const SECRET = "of the shop alone";
const environment = (name: string) => ({ ORDERS_WEBHOOK_SECRET: SECRET })[name];

const isMissing = (program: string) => spawnSync(program, ["--version"]).error !== undefined;

describe("docs/webhooks.md", () => {
  // A machine without curl or openssl cannot show that they work; CI and most developers have both.
  it.skipIf(["curl", "openssl", "bash"].some(isMissing))("makes a webhook and delivers to it as it says", async () => {
    const triggers = memoryTriggers();
    await using server = await serveStubs({ store: storeStub({ triggers }), secrets: { keys: [], environment } });
    const run = async (command: string): Promise<unknown> => {
      const env = { ...process.env, ORDERS_WEBHOOK_SECRET: SECRET };
      const text = command.replaceAll("http://127.0.0.1:7171", server.url);
      return JSON.parse((await promisify(execFile)("bash", ["-c", text], { env })).stdout);
    };
    expect(commands).toHaveLength(2);
    expect(await run(commands[0]!)).toMatchObject({ created: true, webhook: { path: "/hooks/orders" } });
    expect(await run(commands[1]!)).toEqual({ event_id: triggers.events[0]?.id });
    expect(triggers.events[0]).toMatchObject({
      key: "webhook.orders",
      payload: Buffer.from('{"order": 17}'),
      metadata: { "x-shop": "berlin" },
    });
  });

  it("names every status that a delivery is answered with, and every outcome that is counted", () => {
    const [, section = ""] = page.split("## A delivery");
    const table = section
      .split("##")[0]!
      .match(/^\| .*\|$/gm)!
      .map((row) => row.split("|")[1]!);
    const named = table.flatMap((cell) => cell.match(/\b[2-5]\d\d\b/g) ?? []).map(Number);
    // A defect is none of the answers that a sender is promised.
    const sent = new Set([202, ...Object.values(refusalStatus)].filter((status) => status !== 500));
    expect(named.sort()).toEqual([...sent].sort());
    const metrics = readFileSync(path.resolve(import.meta.dirname, "../../../../docs/metrics.md"), "utf8");
    const row = metrics.split("\n").find((line) => line.startsWith("| `spanloom.webhooks.deliveries`"))!;
    for (const reason of Object.keys(refusalStatus)) expect(row).toContain(`\`${reason}\``);
  });

  it("has the default keys of events", async () => {
    const triggers = memoryTriggers();
    await using server = await serveStubs({ store: storeStub({ triggers }) });
    const client = createClient(EventService, createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }));
    const { webhook } = await client.putWebhook({ name: "x", scheme: WebhookScheme.NONE });
    expect(page).toContain(`\`${webhook?.key}\``);
  });
});

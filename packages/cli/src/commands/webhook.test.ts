import { createHmac } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../run-cli.ts";
import { capturedContext } from "../testing/captured-context.ts";

let folder: string;
let server: RunningServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-webhooks-test-"));
  const environment = (name: string) => ({ HOOK_SECRET: "of the environment" })[name];
  server = await startServer({ dataDir: join(folder, "data"), port: 0, secretKey: "ab".repeat(32), environment });
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function run(args: string[], stdin = "") {
  const context = capturedContext({ env: { SPANLOOM_URL: server.url }, readStdin: async () => stdin });
  const exitCode = await runCli(args, context);
  return { exitCode, out: context.out(), err: context.err() };
}

async function deliver(name: string, secret: string): Promise<number> {
  const signature = createHmac("sha512", secret).update("{}").digest("base64");
  const headers = { "content-type": "application/json", "x-sig": `v1=${signature}` };
  return (await fetch(`${server.url}/hooks/${name}`, { method: "POST", headers, body: "{}" })).status;
}

test("a webhook is made with secrets that nobody reads on the command line, shown without them, and deleted", async () => {
  const file = join(folder, "secret");
  await writeFile(file, "of the file\n");
  const hmac = ["--header", "X-Sig", "--prefix", "v1=", "--hash", "sha512", "--encoding", "base64"];
  const secrets = ["--secret-env", "HOOK_SECRET", "--secret-file", file, "--secret-file", "-"];
  const rest = ["--key", "shop.{name}", "--keep", "X-Shop", "--tolerance", "1m", "--max-body-bytes", "1000", "--text"];
  const put = await run(["webhook", "put", "shop", "--scheme", "hmac", ...hmac, ...secrets, ...rest], "of the input\n");
  expect(put).toEqual({
    exitCode: 0,
    err: "",
    out: [
      "webhook   shop",
      "path      /hooks/shop",
      "scheme    hmac",
      "header    x-sig: v1=<sha512 base64>",
      "signed    {body}",
      "key       shop.{name}",
      "secrets   HOOK_SECRET, 2 stored",
      "keeps     x-shop",
      "",
    ].join("\n"),
  });
  for (const place of ["environment", "file", "input"]) expect(await deliver("shop", `of the ${place}`)).toBe(202);
  expect(await deliver("shop", "of nobody")).toBe(401);
  const got = JSON.parse((await run(["webhook", "get", "shop", "--json"])).out);
  expect(got).toMatchObject({ toleranceMs: 60_000, maxBodyBytes: 1_000, acceptText: true, storedSecrets: 2 });
  expect((await run(["webhook", "list"])).out).toMatch(/^WEBHOOK.*\nshop +hmac +shop\.\{name\} +HOOK_SECRET, 2 stored/);
  expect((await run(["webhook", "delete", "shop"])).out).toBe("Deleted.\n");
  expect((await run(["webhook", "delete", "shop"])).out).toBe("There was no webhook of this name.\n");
  expect((await run(["webhook", "list"])).out).toBe("No webhooks.\n");
});

test("a webhook keeps its secrets when it is put without, and is paused so", async () => {
  await run(["webhook", "put", "code", "--scheme", "github", "--secret-env", "HOOK_SECRET"]);
  const paused = await run(["webhook", "put", "code", "--scheme", "github", "--paused"]);
  expect(paused.out).toMatch(/secrets {3}HOOK_SECRET\npaused {4}yes\n/);
});

test("what the server refuses is told by field", async () => {
  const refused = await run(["webhook", "put", "x", "--scheme", "none", "--secret-env", "HOOK_SECRET"]);
  expect([refused.exitCode, refused.err]).toEqual([2, expect.stringContaining("secrets is not empty")]);
});

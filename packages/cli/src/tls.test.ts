import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type RunningServer, startServer } from "@spanloom/server";
import { testCertificates, waitFor } from "@spanloom/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

const [{ cert, key }] = testCertificates;
const spanloom = join(import.meta.dirname, "bin", "spanloom.ts");
const tasks = join(import.meta.dirname, "testing", "example-tasks.ts");
let folder: string;
let server: RunningServer;
let runner: ChildProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-tls-"));
  const tls = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
  await writeFile(tls.certFile, cert);
  await writeFile(tls.keyFile, key);
  server = await startServer({ dataDir: join(folder, "data"), tls, token: "secret" });
  runner = spawn(process.execPath, [spanloom, "runner", tasks], { env: env(), cwd: folder });
  let text = "";
  runner.stdout?.on("data", (chunk: Buffer) => {
    text += chunk;
  });
  await waitFor(() => text.includes("is ready"), { what: "the runner" });
});
afterAll(async () => {
  if (runner.exitCode === null) {
    runner.kill("SIGKILL");
    await once(runner, "exit");
  }
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const env = (more = {}) => ({
  PATH: process.env.PATH,
  SPANLOOM_URL: server.url,
  SPANLOOM_TOKEN: "secret",
  NODE_EXTRA_CA_CERTS: join(folder, "cert.pem"),
  ...more,
});
const run = (args: string[], more = {}) =>
  promisify(execFile)(process.execPath, [spanloom, ...args], { env: env(more) });

test("client, runner and queries reach a server with a certificate of one's own authority", async () => {
  expect(server.url).toMatch(/^https:/);
  const submitted = await run(["job", "submit", "add", "--input", '{"a":20,"b":22}', "--wait", "--json"]);
  const job = JSON.parse(submitted.stdout) as { id: string };
  expect(job).toMatchObject({ state: "SUCCEEDED", output: 42 });
  const { stdout } = await run(["spans", job.id]);
  expect(stdout).toContain("sum");
});

test("a certificate that nobody vouches for is refused, and the message says why", async () => {
  await expect(run(["job", "list"], { NODE_EXTRA_CA_CERTS: "" })).rejects.toMatchObject({
    stderr: expect.stringMatching(/cannot reach the server at https:.*self-signed certificate/),
  });
});

test("a server told of a certificate without its key does not start", async () => {
  const args = ["server", "--port", "0", "--data-dir", join(folder, "other")];
  await expect(run(args, { SPANLOOM_TLS_CERT: "cert.pem" })).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining("it needs --tls-key or SPANLOOM_TLS_KEY as well"),
  });
});

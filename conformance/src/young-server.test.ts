import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { capturedRun } from "./testing/captured-run.ts";

const suite = `about: a server on its way
cases:
  - name: What one call answers the next is made with
    proves: ["1.1"]
    steps:
      - call: JobService.SubmitJob
        save: { submitted: "." }
      - call: JobService.GetJob
        request: { job_id: "\${submitted.job.id}" }
`;

const folder = mkdtempSync(path.join(tmpdir(), "spanloom-conformance-"));
/** Knows JSON and nothing else, and answers every call with an empty message. */
const server = createServer((request, response) => {
  const json = request.headers["content-type"] === "application/json";
  response.writeHead(json ? 200 : 415, { "content-type": "application/json" }).end(json ? "{}" : "");
});
let url = "";

beforeAll(async () => {
  writeFileSync(path.join(folder, "young.yaml"), suite);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]) => capturedRun("server", "--url", url, "--suites", folder, ...args);

test("a server that speaks one protocol so far is tested over that, and told what its answers lack", async () => {
  const { code, stdout } = await run("--protocol", "json");
  expect(stdout).toContain(
    "young.yaml:8 going on: expected an earlier answer to have submitted.job.id, came nothing\n",
  );
  expect(stdout).toContain("\n  young: 1 of 1 failed\n");
  expect(code).toBe(1);
});

test("a server that answers over some of the protocols is tested over all", async () => {
  expect((await run()).stdout).toMatch(/1 case in 4 runs: 0 passed, 4 failed\n$/);
});

test("a server that answers over none of the protocols cannot be tested", async () => {
  const { code, stderr } = await run("--protocol", "connect");
  expect(stderr).toMatch(/^cannot test http:\S+ JobService.CountJobs failed over connect: /);
  expect(code).toBe(2);
});

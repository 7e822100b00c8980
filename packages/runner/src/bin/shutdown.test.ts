import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { RunnerService } from "@spanloom/protocol";
import { Client, connect, task } from "@spanloom/sdk";
import { type RunningServer, startServer } from "@spanloom/server";
import { waitFor } from "@spanloom/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const cleanups: (() => unknown)[] = [];
let folder: string;
let server: RunningServer;
let client: Client;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-shutdown-"));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  server = await startServer({ dataDir: join(folder, "data"), limits: { defaultLeaseMs: 6_000 } });
  cleanups.push(() => server.stop());
  client = new Client({ url: server.url });
  cleanups.push(() => client.close());
  await writeFile(
    join(folder, "tasks.ts"),
    `import { task } from ${JSON.stringify(import.meta.resolve("@spanloom/sdk"))};
     import { existsSync } from "node:fs";
     import { setTimeout as sleep } from "node:timers/promises";
     export const hold = task({ name: "hold", run: async () => { while (!existsSync("go")) await sleep(20); return "held"; } });`,
  );
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const hold = task({ name: "hold", run: (): string => "" });

async function startProgram(...args: string[]) {
  const program = join(import.meta.dirname, "spanloom-runner.ts");
  const child: ChildProcess = spawn(process.execPath, [program, "tasks.ts", "--url", server.url, ...args], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = once(child, "exit");
  cleanups.push(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  let errors = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    errors += chunk;
  });
  await waitFor(() => errors.includes("is ready"));
  return { child, exited, errors: () => errors };
}

const stateOf = async (jobId: string) => {
  for await (const one of client.jobs.tasks(jobId)) return one.state;
  return undefined;
};

describe("spanloom-runner", () => {
  it("exits with 0 when it was drained, after it has finished what it had", async () => {
    const { exited } = await startProgram();
    const job = await client.jobs.submit(hold);
    await waitFor(async () => (await stateOf(job.id)) === "RUNNING");
    const connection = connect({ url: server.url });
    cleanups.push(() => connection.close());
    const service = createClient(RunnerService, connection.transport);
    const [runner] = (await service.listRunners({})).runners;
    await service.drainRunner({ runnerId: runner?.id ?? "" });
    await writeFile(join(folder, "go"), "");
    expect(await exited).toEqual([0, null]);
    expect(await job.result()).toBe("held");
  });

  it("gives back at SIGTERM what it cannot finish in time, and exits with 0", async () => {
    const { child, exited } = await startProgram("--grace-ms", "50");
    const job = await client.jobs.submit(hold);
    await waitFor(async () => (await stateOf(job.id)) === "RUNNING");
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
    expect(await stateOf(job.id)).toBe("QUEUED");
  });

  it("leaves at once at the second signal", async () => {
    const { child, exited, errors } = await startProgram("--grace-ms", "600000");
    const job = await client.jobs.submit(hold);
    await waitFor(async () => (await stateOf(job.id)) === "RUNNING");
    child.kill("SIGTERM");
    await waitFor(() => errors().includes("a second signal leaves at once"));
    child.kill("SIGINT");
    expect(await exited).toEqual([1, null]);
  });
});

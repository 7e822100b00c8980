import { QueryClient } from "@spanloom/query";
import { Client, task } from "@spanloom/sdk";
import { startServer } from "@spanloom/server";
import { newSignal, tempDir, waitFor } from "@spanloom/testing";
import { afterEach, describe, expect, it } from "vitest";
import { Runner } from "./runner.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setUp() {
  const dir = tempDir();
  cleanups.push(() => dir[Symbol.dispose]());
  const server = await startServer({ dataDir: dir.path });
  cleanups.push(() => server.stop());
  const client = new Client({ url: server.url });
  cleanups.push(() => client.close());
  const start = async (...tasks: ConstructorParameters<typeof Runner>[0]["tasks"]) => {
    const runner = new Runner({ url: server.url, tasks, log: () => undefined });
    cleanups.push(() => runner.stop());
    await runner.start();
  };
  return { client, start, query: new QueryClient({ url: server.url }) };
}

describe("admission on a real server", () => {
  it("never runs more attempts of a key at once than it has places", async () => {
    const { client, start } = await setUp();
    const running = { now: 0, most: 0 };
    const both = newSignal();
    const careful = task({
      name: "careful",
      concurrency: { key: "database", limit: 2 },
      async run() {
        running.most = Math.max(running.most, ++running.now);
        if (running.now === 2) both.resolve();
        await both.promise;
        running.now--;
      },
    });
    await start(careful);
    const jobs = await client.jobs.submitMany(careful, new Array<undefined>(40).fill(undefined));
    await Promise.all(jobs.map((job) => job.result()));
    expect(running).toEqual({ now: 0, most: 2 });
  });

  it("stops the running attempt for a newcomer that takes its place, and tells why in the trace", async () => {
    const { client, start, query } = await setUp();
    const begun = newSignal();
    const build = task({
      name: "build",
      concurrency: { key: "branch", limit: 1, policy: "cancelRunning" },
      retry: { maxAttempts: 5, initialDelayMs: 0 },
      async run({ waits }: { waits: boolean }, ctx) {
        if (!waits) return "built";
        begun.resolve();
        await new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason)));
        return "never";
      },
    });
    await start(build);
    const old = await client.jobs.submit(build, { waits: true });
    await begun.promise;
    const fresh = await client.jobs.submit(build, { waits: false });
    expect(await fresh.result()).toBe("built");
    await expect(old.result()).rejects.toThrow(/took its place under concurrency key "branch"/);
    const spans = (await query.spans({ job: old.id, type: "attempt" }).toArrow()).toArray();
    expect(spans.map((row) => row.toJSON().outcome)).toEqual(["cancelled"]);
  });

  it("refuses a job that refuses itself, naming the key, and admits the next when the holder has ended", async () => {
    const { client, start } = await setUp();
    const release = newSignal();
    const hold = task({ name: "hold", run: () => release.promise.then(() => "done") });
    await start(hold);
    const options = { concurrency: { key: "nightly", limit: 1, policy: "rejectNew" as const } };
    const first = await client.jobs.submit(hold, undefined, options);
    await expect(client.jobs.submit(hold, undefined, options)).rejects.toMatchObject({
      reason: "CONCURRENCY_REJECTED",
      message: 'cannot submit job: concurrency key "nightly" has all 1 places taken',
    });
    release.resolve();
    expect(await first.result()).toBe("done");
    expect(await (await client.jobs.submit(hold, undefined, options)).result()).toBe("done");
  });

  it("lets so many jobs wait as the key allows, and refuses the next", async () => {
    const { client, start } = await setUp();
    const release = newSignal();
    const hold = task({ name: "hold", run: () => release.promise.then(() => "done") });
    await start(hold);
    const options = { concurrency: { key: "nightly", limit: 1, maxWaiting: 1 } };
    const admitted = [
      await client.jobs.submit(hold, undefined, options),
      await client.jobs.submit(hold, undefined, options),
    ];
    const refused = client.jobs.submit(hold, undefined, options);
    await expect(refused).rejects.toMatchObject({ reason: "CONCURRENCY_REJECTED" });
    release.resolve();
    expect(await Promise.all(admitted.map((job) => job.result()))).toEqual(["done", "done"]);
  });

  it("a task that nobody leases in time fails with a span of its own", async () => {
    const { client, query } = await setUp();
    const lonely = task({ name: "lonely", queueTimeoutMs: 50, run: () => 1 });
    const job = await client.jobs.submit(lonely, undefined);
    await expect(job.result()).rejects.toThrow(/was not leased within 50 ms/);
    await waitFor(async () => (await query.spans({ job: job.id }).toArrow()).numRows === 2);
    const rows = (await query.spans({ job: job.id, orderBy: "start_time" }).toArrow()).toArray();
    expect(rows.map((row) => [row.toJSON().type, row.toJSON().outcome]).sort()).toEqual([
      ["job", "failure"],
      ["task", "failure"],
    ]);
  });
});

import { connect, createServer, type Server, type Socket } from "node:net";
import { StoreDriver, TestPostgres, taskSet } from "@spanloom/testing";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { PostgresStore } from "./index.ts";
import { migrate } from "./migrate.ts";
import { statement } from "./statement.ts";
import { Writer } from "./writer.ts";

/** What becomes of what a client sends, and of the answers. */
interface Fault {
  /** Of data from the client; anything but "pass" happens once. */
  onRequest(data: Buffer): "pass" | "cut" | "cutAnswer" | "swallow";
}

/** Stands between a client and PostgreSQL and does damage when told to. */
class FaultyProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  fault: Fault | undefined;
  #refuses = false;
  readonly url: string;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async start(target: string): Promise<FaultyProxy> {
    const { hostname, port, username, pathname } = new URL(target);
    const host = decodeURIComponent(hostname);
    const reach = () =>
      host.startsWith("/") ? connect(`${host}/.s.PGSQL.${port || 5432}`) : connect(Number(port), host);
    let proxy: FaultyProxy;
    const server = createServer((client) => proxy.#join(client, reach()));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port: own } = server.address() as { port: number };
    proxy = new FaultyProxy(server, `postgres://${username}@127.0.0.1:${own}${pathname}`);
    return proxy;
  }

  /** Lets no new connection through; answers true. */
  refuse(): true {
    this.#refuses = true;
    return true;
  }

  /** Lets them through again. */
  admit(): void {
    this.#refuses = false;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, upstream: Socket): void {
    if (this.#refuses) {
      client.destroy();
      upstream.destroy();
      return;
    }
    let answers: "pass" | "cut" | "swallow" = "pass";
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (chunk) => {
      const data = Buffer.from(chunk);
      const what = this.fault?.onRequest(data) ?? "pass";
      if (what !== "pass") this.fault = undefined;
      if (what === "cut") return void client.destroy();
      if (what === "cutAnswer") answers = "cut";
      if (what === "swallow") answers = "swallow";
      upstream.write(data);
    });
    upstream.on("data", (chunk) => {
      const data = Buffer.from(chunk);
      if (answers === "pass") client.write(data);
      else if (answers === "cut" && tellsCommit(data)) client.destroy();
    });
  }
}

/** Whether an answer tells of a commit. */
const tellsCommit = (data: Buffer): boolean => data.includes("COMMIT");

const atCommit = (what: "cut" | "cutAnswer" | "swallow"): Fault => ({
  onRequest: (data) => (data.includes("\0commit\0") ? what : "pass"),
});

let postgres: TestPostgres;
let url: string;
let databases = 0;
beforeAll(async () => {
  postgres = await TestPostgres.start({ url: process.env.SPANLOOM_TEST_DATABASE_URL });
});
afterAll(() => postgres.stop());

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A store behind a proxy, in a database of its own. */
async function behindProxy(times: ConstructorParameters<typeof Writer>[1] = {}) {
  url = await postgres.createDatabase(`writer_${process.pid}_${++databases}`);
  const proxy = await FaultyProxy.start(url);
  cleanups.push(() => proxy.stop());
  const driver = await StoreDriver.open(
    ({ clock }) => new PostgresStore({ url: proxy.url, nowUs: clock.nowUs, times }),
  );
  cleanups.push(() => driver[Symbol.asyncDispose]());
  return { proxy, driver };
}

test("a commit whose answer was lost is told as what it was: done", async () => {
  const { proxy, driver } = await behindProxy();
  const job = await driver.submit({ name: "first" });
  proxy.fault = atCommit("cutAnswer");
  const lease = await driver.claimOne();
  proxy.fault = atCommit("cutAnswer");
  expect(await driver.succeed(lease, "", taskSet({ name: "child" }))).toBe("ok");
  expect((await driver.job(job)).counts).toMatchObject({ waiting: 1, queued: 1 });
  expect(await driver.drain()).toEqual(["child"]);
  expect(await driver.jobState(job)).toBe("SUCCEEDED");
});

test("a transaction whose commit never arrived is rejected and left no trace", async () => {
  const { proxy, driver } = await behindProxy();
  proxy.fault = atCommit("cut");
  const lost = driver.newJob(taskSet({ name: "lost" }));
  await expect(driver.store.submitJobs([lost])).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE", retryable: true });
  expect(await driver.store.getJobs([lost.id], { includeOutputs: false })).toEqual([]);
  expect(await driver.store.submitJobs([lost])).toMatchObject([{ kind: "created" }]);
  expect(await driver.drain()).toEqual(["lost"]);
});

test("a hopeful transaction whose commit never arrived runs again", async () => {
  const { proxy, driver } = await behindProxy();
  await driver.submit({ name: "other" });
  proxy.fault = atCommit("cut");
  await driver.submit({ name: "late" });
  expect(proxy.fault).toBeUndefined();
  expect((await driver.drain()).sort()).toEqual(["late", "other"]);
});

test("a commit that nobody can be asked about is rejected, and nothing runs again", async () => {
  const { proxy, driver } = await behindProxy();
  await driver.submit({ name: "other" });
  proxy.fault = { onRequest: (data) => (data.includes("\0commit\0") && proxy.refuse() ? "cutAnswer" : "pass") };
  const job = driver.newJob(taskSet({ name: "unknown" }));
  await expect(driver.store.submitJobs([job])).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE", retryable: true });
  proxy.admit();
  expect(await driver.store.submitJobs([job])).toMatchObject([{ kind: "existed" }]);
});

test("a submission tried again with its id finds what an earlier try stored", async () => {
  const { driver } = await behindProxy();
  const job = driver.newJob(taskSet({ name: "task" }));
  expect(await driver.store.submitJobs([job])).toMatchObject([{ kind: "created" }]);
  expect(await driver.store.submitJobs([job])).toMatchObject([{ kind: "existed", job: { id: job.id } }]);
  expect(await driver.drain()).toEqual(["task"]);
});

test("a network that swallows everything fails what waits, and the store goes on over a new connection", async () => {
  // Long enough for a busy machine to answer what is not swallowed.
  const { proxy, driver } = await behindProxy({ answerMs: 2_000 });
  proxy.fault = atCommit("swallow");
  // The transaction did commit, as a question over a new connection tells.
  const job = await driver.submit({ name: "task" });
  proxy.fault = { onRequest: (data) => (data.includes("lines_in_turn") ? "swallow" : "pass") };
  await expect(driver.claim()).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
  await driver.drain();
  expect(await driver.jobState(job)).toBe("SUCCEEDED");
});

test("a connection that broke while it was idle costs nobody an error", async () => {
  const { proxy, driver } = await behindProxy();
  await driver.submit({ name: "task" });
  proxy.fault = { onRequest: (data) => (data.includes("BEGIN ISOLATION LEVEL READ COMMITTED") ? "cut" : "pass") };
  expect(await driver.drain()).toEqual(["task"]);
});

test("a connection cut while rows are read rejects everything that shared the transaction", async () => {
  const { proxy, driver } = await behindProxy();
  proxy.fault = { onRequest: (data) => (data.includes("overdue_jobs") ? "cut" : "pass") };
  const results = await Promise.allSettled([driver.claim(), driver.store.maintain(1), driver.store.maintain(1)]);
  for (const result of results) expect(result).toMatchObject({ reason: { reason: "STORE_UNAVAILABLE" } });
  await driver.submit({ name: "task" });
  expect(await driver.drain()).toEqual(["task"]);
});

const insertServer = statement("test_insert_server", "INSERT INTO server VALUES (gen_random_uuid(), 1, now())");

test("a server frozen in a transaction loses the store's lock to the others", async () => {
  const { driver } = await behindProxy();
  const frozen = new Writer({ url }, { idleInTransactionMs: 200 });
  cleanups.push(() => frozen.close());
  await frozen.begin();
  frozen.send(insertServer, []);
  await driver.submit({ name: "task" });
  await expect(frozen.commit()).rejects.toThrow();
  expect(await driver.drain()).toEqual(["task"]);
});

test("a store that does not get the lock in time says so and tries again when asked", async () => {
  const { driver } = await behindProxy({ lockMs: 100 });
  const other = new Writer({ url });
  cleanups.push(() => other.close());
  await other.begin();
  await expect(driver.submit({ name: "task" })).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
  await other.rollback();
  await driver.submit({ name: "task" });
  expect(await driver.drain()).toEqual(["task"]);
});

test.skipIf(process.env.SPANLOOM_TEST_DATABASE_URL !== undefined)(
  "a store outlives its PostgreSQL: it fails while that is away and goes on when it is back",
  async () => {
    const { driver } = await behindProxy();
    const job = await driver.submit({ name: "task", count: 3 });
    const [lease] = await driver.claim({ limit: 1 });
    await postgres.crash();
    await expect(driver.succeed(lease!)).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE", retryable: true });
    await expect(driver.job(job)).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
    await postgres.recover();
    expect(await driver.succeed(lease!)).toBe("ok");
    expect(await driver.drain()).toEqual(["task", "task"]);
    expect(await driver.jobState(job)).toBe("SUCCEEDED");
  },
);

const touch = statement("test_touch", "UPDATE meta SET value = value");

/** Two writers of a database of their own. */
async function twoWriters(): Promise<[Writer, Writer]> {
  url = await postgres.createDatabase(`writer_${process.pid}_${++databases}`);
  await migrate({ url });
  const writers: [Writer, Writer] = [new Writer({ url }), new Writer({ url })];
  for (const writer of writers) cleanups.push(() => writer.close());
  return writers;
}

async function write(writer: Writer, hoped?: number): Promise<void> {
  await writer.begin(hoped);
  writer.send(touch, []);
  await writer.commit();
}

test("a hopeful transaction fails as a whole when somebody else has written (I4)", async () => {
  const [writer, other] = await twoWriters();
  await write(writer);
  await write(writer, 2);
  await write(other);
  await writer.begin(3);
  const count = writer.send(statement("test_new_meta", "INSERT INTO meta VALUES ('new', 1)"), []);
  await expect(count).rejects.toThrow();
  const failure = await writer.commit().catch((error: unknown) => error);
  expect(writer.mayRunAgain(failure)).toBe(true);
  await writer.rollback();
  expect(await writer.begin()).toBe(4);
  expect(await writer.ask(statement("test_metas", "SELECT 1 FROM meta WHERE key = 'new'"), [])).toEqual([]);
});

test("a hopeful transaction that only read fails, too, when somebody else has written (I4)", async () => {
  const [writer, other] = await twoWriters();
  await write(writer);
  await writer.begin(2);
  await writer.end();
  await write(other);
  await writer.begin(2);
  await expect(writer.end()).rejects.toThrow();
});

test("a hopeful transaction fails when another server has come, though it wrote nothing", async () => {
  const [writer] = await twoWriters();
  await write(writer);
  await writer.begin(2);
  for (let i = 0; i < 2; i++) writer.send(insertServer, []);
  await writer.commit();
  await writer.begin(3);
  await expect(writer.end()).rejects.toThrow();
  await writer.rollback();
  expect(await writer.begin()).toBe(3);
  expect(writer.servers).toBe(2);
});

test("the commit of another at the same epoch is not taken for one that was lost (I3)", async () => {
  const [, other] = await twoWriters();
  const proxy = await FaultyProxy.start(url);
  cleanups.push(() => proxy.stop());
  const writer = new Writer({ url: proxy.url });
  cleanups.push(() => writer.close());
  await writer.begin();
  const waiting = write(other);
  writer.send(touch, []);
  proxy.fault = atCommit("cut");
  await expect(writer.commit()).rejects.toThrow();
  await waiting;
});

test("what memory holds is dropped when another server has written", async () => {
  const writers = await twoWriters();
  const epochs: number[] = [];
  for (const index of [0, 0, 1, 0]) {
    const writer = writers[index]!;
    epochs.push(await writer.begin());
    writer.send(touch, []);
    await writer.commit();
  }
  expect(epochs).toEqual([1, 2, 3, 4]);
  epochs.push(await writers[1]!.begin());
  await writers[1]!.rollback();
  epochs.push(await writers[0]!.begin());
  await writers[0]!.rollback();
  expect(epochs.slice(4)).toEqual([5, 5]);
});

/** A writer in a database of its own, with a transaction open. */
async function inTransaction(): Promise<Writer> {
  url = await postgres.createDatabase(`writer_${process.pid}_${++databases}`);
  await migrate({ url });
  const writer = new Writer({ url });
  cleanups.push(() => writer.close());
  await writer.begin();
  return writer;
}

test("a statement sent over a lost connection fails with its transaction, and harms nothing when nobody waits for it", async () => {
  const writer = await inTransaction();
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on("unhandledRejection", note);
  cleanups.push(async () => void process.off("unhandledRejection", note));
  await writer.close();
  writer.send(statement("test_sent_late", "UPDATE meta SET value = value"), []);
  await expect(writer.commit()).rejects.toThrow("Connection terminated");
  // Those that nobody waits for are told of once all promises are settled.
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled).toEqual([]);
});

test("statements after one that failed tell what failed", async () => {
  const writer = await inTransaction();
  const read = statement("test_read_one", "SELECT 1");
  writer.send(statement("test_divide", "SELECT 1 / 0"), []);
  await expect(writer.ask(read, [])).rejects.toThrow("division by zero");
  await expect(writer.ask(read, [])).rejects.toThrow("division by zero");
  await expect(writer.commit()).rejects.toThrow("division by zero");
  await writer.rollback();
  await writer.begin();
  expect(await writer.ask(read, [])).toEqual([[1]]);
  await writer.rollback();
});

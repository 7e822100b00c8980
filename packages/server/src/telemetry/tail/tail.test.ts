import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { SpanloomError, TailLogsRequestSchema, TailSpansRequestSchema } from "@spanloom/protocol";
import { waitFor } from "@spanloom/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ArrowBatch, SpanStore, Statement } from "../columnar/span-store.ts";
import { attribute, idBytes, logPayload, logRecord, rowsOf, span, tracePayload } from "../ingest/otlp-fixture.ts";
import { OtlpReader } from "../ingest/otlp-reader.ts";
import { insertSpans, type TestedStore, telemetryStores } from "../testing/telemetry-stores.ts";
import { followedLogs, followedSpans } from "./followed.ts";
import { Tail, type TailOptions } from "./tail.ts";

type Request = MessageInitShape<typeof TailSpansRequestSchema>;

/** A clock whose timers fire when a test says so. */
class ManualClock {
  #due: (() => void) | undefined;
  nowUs = () => 0;
  schedule = (callback: () => void): (() => void) => {
    this.#due = callback;
    return () => {
      this.#due = undefined;
    };
  };
  get isSet(): boolean {
    return this.#due !== undefined;
  }
  /** Fires the timer, and waits until it is set again. */
  async tick(): Promise<void> {
    const due = await waitFor(() => this.#due);
    this.#due = undefined;
    due();
    await waitFor(() => this.#due);
  }
}

/** A store that counts queries, and fails them when told to. */
class WatchedStore implements SpanStore {
  readonly retentionDays = 10_000;
  readonly inner: SpanStore;
  queries: string[] = [];
  failure: SpanloomError | undefined;
  constructor(inner: SpanStore) {
    this.inner = inner;
  }
  start = () => this.inner.start();
  stop = () => this.inner.stop();
  stats = () => this.inner.stats();
  insert: SpanStore["insert"] = (batch) => this.inner.insert(batch);
  async *stream(statement: Statement, signal?: AbortSignal): AsyncIterable<ArrowBatch> {
    if (this.failure) throw this.failure;
    this.queries.push(statement.sql);
    yield* this.inner.stream(statement, signal);
  }
}

/** A reader in the background, with the rows it has got. */
class TailReader {
  readonly rows: string[] = [];
  position = "";
  readonly #abort = new AbortController();
  readonly done: Promise<unknown>;
  isOpen = false;
  constructor(tail: Tail, request: Request = {}) {
    const asked = create(TailSpansRequestSchema, { columns: ["name"], ...request });
    this.done = (async () => {
      for await (const batch of tail.follow(followedSpans(asked), this.#abort.signal)) {
        this.isOpen = true;
        this.position = batch.position;
        this.rows.push(...rowsOf(batch.ipc).map(({ name }) => String(name)));
      }
      return "ended";
    })().catch((error: unknown) => error);
  }
  opened = () => waitFor(() => this.isOpen);
  async end(): Promise<unknown> {
    this.#abort.abort();
    return this.done;
  }
  /** The rows since the last call, when there are as many. */
  async next(count: number): Promise<string[]> {
    await waitFor(() => this.rows.length >= count);
    return this.rows.splice(0);
  }
}

const changes = (sql: string) => sql.includes("max(version)");

for (const [kind, start] of telemetryStores) {
  describe(`a tail on ${kind}`, () => {
    let tested: TestedStore;
    let ids = 0;
    beforeAll(async () => {
      tested = await start();
    });
    afterAll(() => tested[Symbol.asyncDispose]());

    function made(rest: Partial<TailOptions> = {}) {
      const store = new WatchedStore(tested.store);
      const clock = new ManualClock();
      const log: string[] = [];
      const options = { store, clock, jobTraces: async () => new Map(), barrier: async () => {}, ...rest };
      return { store, clock, log, tail: new Tail({ ...options, log: (line) => log.push(line) }) };
    }

    async function insert(version: number, ...spans: Parameters<typeof tracePayload>[0]): Promise<void> {
      const reader = new OtlpReader();
      reader.readTraces(tracePayload(spans), version);
      await insertSpans(tested.store, reader);
    }

    const named = (name: string, id = ++ids, rest: Parameters<typeof span>[1] = {}) =>
      span(id, { traceId: idBytes(16, 5), name, ...rest });

    it("sends spans as they open, change and end, each time as they are then", async () => {
      const { tail, clock } = made();
      await insert(1, named("before"));
      const reader = new TailReader(tail);
      await reader.opened();
      const id = ++ids;
      await insert(2, named("b, open", id, { endTimeUnixNano: 0n }));
      await clock.tick();
      expect(await reader.next(1)).toEqual(["b, open"]);
      await insert(3, named("b, still open", id, { endTimeUnixNano: 0n }));
      await insert(4, named("b, ended", id), named("c"));
      await clock.tick();
      expect(await reader.next(2)).toEqual(["b, ended", "c"]);
      await insert(3, named("b, late", id));
      await insert(5, named("d"));
      await clock.tick();
      expect(await reader.next(1)).toEqual(["d"]);
      expect(await reader.end()).toMatchObject({ reason: "SHUTTING_DOWN" });
    });

    it("sends what matches the filter, by the latest version", async () => {
      const { tail, clock } = made();
      const open = new TailReader(tail, { filter: { open: true } });
      const job = new TailReader(tail, { filter: { names: [{ match: { case: "regex", value: "^n[0-9]$" } }] } });
      await Promise.all([open.opened(), job.opened()]);
      const id = ++ids;
      await insert(1, named("n1", id, { endTimeUnixNano: 0n }), named("other", ++ids, { endTimeUnixNano: 0n }));
      await clock.tick();
      expect(await open.next(2)).toEqual(["n1", "other"]);
      expect(await job.next(1)).toEqual(["n1"]);
      await insert(2, named("n1", id), named("last", ++ids, { endTimeUnixNano: 0n }));
      await clock.tick();
      expect(await open.next(1)).toEqual(["last"]);
      expect(await job.next(1)).toEqual(["n1"]);
      await Promise.all([open.end(), job.end()]);
    });

    it("answers readers that ask the same with one query, and asks nothing while nothing comes (I2)", async () => {
      let accepted = 0;
      const { tail, clock, store } = made({ accepted: () => accepted });
      const readers = Array.from({ length: 20 }, () => new TailReader(tail));
      await Promise.all(readers.map((reader) => reader.opened()));
      // Windows begin when their readers came; from the second on they are the same.
      await insert(1, named("first"));
      accepted++;
      await clock.tick();
      for (const reader of readers) expect(await reader.next(1)).toEqual(["first"]);
      await insert(1, named("second"));
      accepted++;
      store.queries = [];
      await clock.tick();
      for (const reader of readers) expect(await reader.next(1)).toEqual(["second"]);
      expect(store.queries.filter(changes)).toHaveLength(1);
      store.queries = [];
      for (let i = 0; i < 5; i++) await clock.tick();
      expect(store.queries).toEqual([]);
      await Promise.all(readers.map((reader) => reader.end()));
      expect(clock.isSet).toBe(false);
    });

    it("gives a slow reader what it missed in one window (I3)", async () => {
      const { tail, clock, store } = made();
      const controller = new AbortController();
      const asked = followedSpans(create(TailSpansRequestSchema, { columns: ["name"] }));
      const slow = tail.follow(asked, controller.signal);
      const iterator = slow[Symbol.asyncIterator]();
      await iterator.next();
      const id = ++ids;
      for (let i = 1; i <= 5; i++) {
        await insert(i, named(`version ${i}`, id));
        await clock.tick();
      }
      store.queries = [];
      const { value } = await iterator.next();
      expect(rowsOf(value!.ipc)).toEqual([{ name: "version 5" }]);
      expect(store.queries.filter(changes)).toHaveLength(1);
      await iterator.return?.();
      expect(clock.isSet).toBe(false);
    });

    it("lets each reader read an answer that is too long to be shared by itself", async () => {
      const { tail, clock, store } = made();
      const readers = [1, 2].map(() => new TailReader(tail, { columns: ["name", "status_message"] }));
      await Promise.all(readers.map((reader) => reader.opened()));
      await clock.tick();
      const message = "x".repeat(300);
      const count = 40_000;
      const spans = Array.from({ length: count }, () => named("long", ++ids, { status: { code: 2, message } }));
      await insert(1, ...spans);
      await clock.tick();
      for (const reader of readers) expect(await reader.next(count)).toHaveLength(count);
      expect(store.queries.filter(changes).length).toBeGreaterThan(3);
      await Promise.all(readers.map((reader) => reader.end()));
    });

    it("waits while the store is away, says so once, and then leaves nothing out (I4)", async () => {
      const { tail, clock, store, log } = made();
      const reader = new TailReader(tail);
      await reader.opened();
      await insert(1, named("kept"));
      store.failure = new SpanloomError("TELEMETRY_UNAVAILABLE", "cannot query: away");
      await clock.tick();
      await clock.tick();
      expect(log).toEqual(["telemetry: tails wait: cannot query: away"]);
      store.failure = undefined;
      await clock.tick();
      expect(await reader.next(1)).toEqual(["kept"]);
      expect(log.at(-1)).toBe("telemetry: tails go on");
      await reader.end();
    });

    it("reads a window again that could not be read", async () => {
      const { tail, clock, store } = made();
      const reader = new TailReader(tail);
      await reader.opened();
      await insert(1, named("twice asked for"));
      const { stream } = store;
      store.stream = (statement, signal) => {
        if (!changes(statement.sql)) return stream.call(store, statement, signal);
        store.stream = stream;
        throw new SpanloomError("OVERLOADED", "cannot query: too much at once");
      };
      await clock.tick();
      await clock.tick();
      expect(await reader.next(1)).toEqual(["twice asked for"]);
      await reader.end();
    });

    it("sends what matches already first, when asked to, and what comes meanwhile once (I1)", async () => {
      let passed = 0;
      const barrier = async () => {
        // The second stands between the store's clock and what exists.
        if (++passed === 2) await insert(1, named("joint, meanwhile"));
      };
      const { tail, clock } = made({ barrier });
      await insert(1, named("joint, there"));
      const names = [{ match: { case: "prefix" as const, value: "joint" } }];
      const reader = new TailReader(tail, { includeExisting: true, filter: { names } });
      await reader.opened();
      await clock.tick();
      await insert(1, named("joint, new"));
      await clock.tick();
      expect(await reader.next(3)).toEqual(["joint, there", "joint, meanwhile", "joint, new"]);
      await reader.end();
    });

    it("leaves nothing out when the store's clock goes back", async () => {
      const { tail, clock, store } = made();
      const names = [{ match: { case: "regex" as const, value: "^(from|after)" } }];
      const reader = new TailReader(tail, { filter: { names } });
      await reader.opened();
      await clock.tick();
      await insert(1, named("from the past"));
      // As if the clock had been an hour ahead until now: readers have passed the times that come.
      const { stream } = store;
      let aheadSeconds = 3600;
      store.stream = (statement, signal) =>
        stream.call(
          store,
          statement.sql.includes("AS now")
            ? { ...statement, sql: statement.sql.replace("now64(6, 'UTC')", `now64(6, 'UTC') + ${aheadSeconds}`) }
            : statement,
          signal,
        );
      await clock.tick();
      expect(await reader.next(1)).toEqual(["from the past"]);
      aheadSeconds = 0;
      await clock.tick();
      await insert(2, named("after"));
      await clock.tick();
      // What came within a minute comes again: its times may have been passed before it came.
      expect(await reader.next(2)).toEqual(["from the past", "after"]);
      await reader.end();
    });

    it("goes on at a position with what came since, and with nothing twice (I1)", async () => {
      const { tail, clock } = made();
      const reader = new TailReader(tail);
      await reader.opened();
      await insert(1, named("seen"));
      await clock.tick();
      expect(await reader.next(1)).toEqual(["seen"]);
      const { position } = reader;
      await reader.end();
      // Nobody is there meanwhile, and nothing comes later.
      await insert(1, named("missed"), named("missed, too"));
      const again = new TailReader(tail, { position, includeExisting: true });
      expect(await again.next(2)).toEqual(["missed", "missed, too"]);
      await again.end();
      const third = new TailReader(tail, { position: again.position });
      await third.opened();
      await insert(1, named("new"));
      await clock.tick();
      expect(await third.next(1)).toEqual(["new"]);
      await third.end();
    });

    it("refuses what is no position", async () => {
      const { tail } = made();
      for (const position of ["soon", "-1", "1e9", `${(Date.now() + 3_600_000) * 1000}`]) {
        expect(await new TailReader(tail, { position }).done).toMatchObject({ reason: "INVALID_FIELD" });
      }
    });

    const job = "01980000-0000-7000-8000-0000000000aa";
    const ofJob = (name: string, id: number, rest: Parameters<typeof span>[1] = {}) =>
      named(name, id, {
        traceId: Buffer.from(job.replaceAll("-", ""), "hex"),
        attributes: [attribute("spanloom.job.id", job), attribute("spanloom.span.type", "job")],
        ...rest,
      });

    it("ends when the jobs have that the filter names, after what was accepted before (I5)", async () => {
      const late: string[] = [];
      const barrier = async () => {
        const name = late.shift();
        if (name) await insert(1, ofJob(name, ++ids, { attributes: [attribute("spanloom.job.id", job)] }));
      };
      const { tail, clock } = made({ barrier });
      const id = ++ids;
      await insert(1, ofJob("job open", id, { endTimeUnixNano: 0n }));
      const reader = new TailReader(tail, { filter: { and: [{ jobIds: [job] }] } });
      await reader.opened();
      const endless = new TailReader(tail, { filter: { not: { jobIds: [job] } } });
      await endless.opened();
      await insert(2, ofJob("job ended", id));
      late.push("in a spool until then");
      await clock.tick();
      expect(await reader.done).toBe("ended");
      expect(reader.rows).toEqual(["job ended", "in a spool until then"]);
      await clock.tick();
      expect(await endless.end()).toMatchObject({ reason: "SHUTTING_DOWN" });
      const after = new TailReader(tail, { filter: { jobIds: [job] } });
      expect(await after.done).toBe("ended");
      await insert(3, ofJob("job again", id, { endTimeUnixNano: 0n }));
      const retried = new TailReader(tail, { filter: { jobIds: [job] } });
      await retried.opened();
      await insert(4, ofJob("job ended again", id));
      await clock.tick();
      expect(await retried.done).toBe("ended");
      expect(retried.rows).toEqual(["job ended again"]);
      expect(clock.isSet).toBe(false);
    });

    it("tells a quiet reader its position every 50 ticks", async () => {
      const { tail, clock } = made();
      const controller = new AbortController();
      const asked = followedSpans(create(TailSpansRequestSchema, { columns: ["name"] }));
      const reader = tail.follow(asked, controller.signal)[Symbol.asyncIterator]();
      const first = (await reader.next()).value!;
      const quiet = reader.next();
      for (let i = 0; i < 50; i++) await clock.tick();
      expect((await quiet).value).toEqual({ ipc: new Uint8Array(), rows: 0, position: first.position });
      await reader.return?.();
    });

    it("follows log records, with attributes as columns", async () => {
      const { tail, clock } = made();
      const controller = new AbortController();
      const request = create(TailLogsRequestSchema, {
        columns: ["body"],
        attributeColumns: [{ key: "n", type: 2 }],
        filter: { minSeverity: 9 },
      });
      const rows: unknown[] = [];
      let isOpen = false;
      const done = (async () => {
        for await (const { ipc } of tail.follow(followedLogs(request), controller.signal)) {
          isOpen = true;
          rows.push(...rowsOf(ipc));
        }
      })().catch((error: unknown) => error);
      await waitFor(() => isOpen);
      const reader = new OtlpReader();
      const record = (n: number, severityNumber: number) =>
        logRecord(n, { severityNumber, attributes: [attribute("n", BigInt(n))] } as Parameters<typeof logRecord>[1]);
      reader.readLogs(logPayload([record(1, 5), record(2, 9), record(3, 17)]), 1);
      const { logs } = reader;
      for (let twice = 0; twice < 2; twice++)
        await tested.store.insert({ table: "logs", ipc: logs.finish(), rows: logs.rows });
      await clock.tick();
      await waitFor(() => rows.length >= 2);
      expect(rows).toMatchObject([{ n: 2n }, { n: 3n }]);
      controller.abort();
      expect(await done).toMatchObject({ reason: "SHUTTING_DOWN" });
    });

    it("refuses at once what is wrong", async () => {
      const { tail, clock } = made();
      const wrong = new TailReader(tail, { columns: ["colour"] });
      expect(await wrong.done).toMatchObject({ reason: "UNSUPPORTED_QUERY" });
      const hostile = new TailReader(tail, { filter: { jobIds: ["' OR 1=1"] } });
      expect(await hostile.done).toMatchObject({ reason: "INVALID_FIELD" });
      expect(clock.isSet).toBe(false);
    });
  });
}

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitFor } from "./signal.ts";

/**
 * What every telemetry store must do; see SpanStore in the server.
 *
 * The suite knows neither Arrow nor SQL: a fixture turns rows into batches, conditions into statements and answers
 * into rows, as the server itself does.
 */

/** A store as the suite drives it: the server's SpanStore, structurally. */
export interface SuiteSpanStore<Batch, Statement, Answer> {
  start(): Promise<void>;
  stop(): Promise<void>;
  insert(batch: Batch): Promise<void>;
  stream(statement: Statement, signal?: AbortSignal): AsyncIterable<Answer>;
  stats(): Promise<{ spans: number; logs: number; bytesOnDisk: number }>;
}

/** A span in short. */
export interface SuiteSpan {
  /** Number its id is made from. */
  id: number;
  /** Number its trace is made from. */
  trace: number;
  name: string;
  /** Nanoseconds after the suite's start of time. */
  startNs: bigint;
  version: bigint;
}

/** A row of an answer. */
export type SuiteRow = Record<string, unknown>;

/** How the suite speaks to one implementation. */
export interface SpanStoreFixture<Batch, Statement, Answer> {
  /** The store, not started, on data of its own. */
  store: SuiteSpanStore<Batch, Statement, Answer>;
  /** Another store over the same data, for reopening; by default it keeps whatever the suite writes. */
  reopened(retentionDays?: number): SuiteSpanStore<Batch, Statement, Answer>;
  spans(spans: readonly SuiteSpan[]): Batch;
  /** The same records each time it is given the same. */
  logs(bodies: readonly string[]): Batch;
  /** Nanoseconds from the suite's start of time, at least 60 days ago, to now. */
  nowNs(): bigint;
  /** Spans of a trace in the default order; by name exactly when given. */
  spansOf(trace: number, name?: string): Statement;
  allLogs(): Statement;
  /** A statement the engine refuses. */
  broken: Statement;
  /** A statement that fails when it has run for a while. */
  failing: Statement;
  rowsOf(answer: Answer): SuiteRow[];
  /** Counts the parts that rows of the day the suite's time begins are kept in. */
  parts: Statement;
  /** Removes the data. */
  dispose(): Promise<void>;
}

/** A fixture with its store as the cases use it. */
interface Suite<Batch, Statement, Answer> {
  readonly fixture: SpanStoreFixture<Batch, Statement, Answer>;
  store: SuiteSpanStore<Batch, Statement, Answer>;
  rows(statement: Statement): Promise<SuiteRow[]>;
}

/** Holds an implementation to the contract of a telemetry store. */
export function testSpanStore<Batch, Statement, Answer>(
  name: string,
  make: () => SpanStoreFixture<Batch, Statement, Answer>,
): void {
  describe(`SpanStore: ${name}`, () => {
    const fixture = make();
    const suite: Suite<Batch, Statement, Answer> = {
      fixture,
      store: fixture.store,
      async rows(statement) {
        const found: SuiteRow[] = [];
        for await (const answer of suite.store.stream(statement)) found.push(...fixture.rowsOf(answer));
        return found;
      },
    };
    beforeAll(() => suite.store.start());
    afterAll(async () => {
      await suite.store.stop();
      await fixture.dispose();
    });
    rowCases(suite);
    queryCases(suite);
    lifeCases(suite);
  });
}

const span = (id: number, rest: Partial<SuiteSpan> = {}): SuiteSpan => ({
  id,
  trace: 1,
  name: `span ${id}`,
  startNs: BigInt(id),
  version: 1n,
  ...rest,
});

/** What becomes of rows. */
function rowCases<Batch, Statement, Answer>(suite: Suite<Batch, Statement, Answer>): void {
  const { fixture } = suite;

  it("answers a query without rows with one batch that has the schema", async () => {
    const answers: Answer[] = [];
    for await (const answer of suite.store.stream(fixture.spansOf(99))) answers.push(answer);
    expect(answers).toHaveLength(1);
    expect(fixture.rowsOf(answers[0]!)).toEqual([]);
  });

  it("shows a row to every query that begins after its insert resolved (I1)", async () => {
    for (let id = 1; id <= 5; id++) {
      await suite.store.insert(fixture.spans([span(id)]));
      expect(await suite.rows(fixture.spansOf(1))).toHaveLength(id);
    }
  });

  it("returns spans by start time", async () => {
    await suite.store.insert(fixture.spans([3, 1, 2].map((id) => span(id, { trace: 2 }))));
    expect((await suite.rows(fixture.spansOf(2))).map((row) => row.name)).toEqual(["span 1", "span 2", "span 3"]);
  });

  it("shows the highest version of a span only, in whatever order and batch versions come (I2)", async () => {
    const version = (n: bigint) => span(1, { trace: 3, name: `version ${n}`, version: n });
    await suite.store.insert(fixture.spans([version(2n), version(3n), version(1n)]));
    expect((await suite.rows(fixture.spansOf(3))).map((row) => row.name)).toEqual(["version 3"]);
    await suite.store.insert(fixture.spans([version(2n)]));
    await suite.store.insert(fixture.spans([version(4n)]));
    expect((await suite.rows(fixture.spansOf(3))).map((row) => row.name)).toEqual(["version 4"]);
  });

  it("keeps log records that are alike", async () => {
    await suite.store.insert(fixture.logs(["same", "same"]));
    expect((await suite.rows(fixture.allLogs())).map((row) => row.body)).toEqual(["same", "same"]);
  });

  it("stores what is inserted again once, however late the first insert comes (I3)", async () => {
    const batches = [fixture.logs(["same", "same"]), fixture.spans([span(1, { trace: 6 }), span(2, { trace: 6 })])];
    for (let i = 0; i < 3; i++) await Promise.all(batches.map((batch) => suite.store.insert(batch)));
    expect((await suite.rows(fixture.allLogs())).map((row) => row.body)).toEqual(["same", "same"]);
    expect((await suite.rows(fixture.spansOf(6))).map((row) => row.name)).toEqual(["span 1", "span 2"]);
  });
}

/** How queries are served. */
function queryCases<Batch, Statement, Answer>(suite: Suite<Batch, Statement, Answer>): void {
  const { fixture } = suite;

  it("takes text from a caller as a value and nothing else (I4)", async () => {
    const hostile = [
      "'; DROP TABLE spanloom.spans; --",
      '"quoted"',
      "back\\slash\\' OR 1=1",
      "{p0:String}",
      "nul\0inside",
      "file('/etc/passwd')",
      "line\nand\ttab",
      "ünï €😀",
    ];
    await suite.store.insert(fixture.spans(hostile.map((text, i) => span(i, { trace: 4, name: text }))));
    for (const text of hostile) {
      expect((await suite.rows(fixture.spansOf(4, text))).map((row) => row.name)).toEqual([text]);
    }
    expect(await suite.rows(fixture.spansOf(1))).toHaveLength(5);
  });

  it("runs queries at the same time, also while one is read slowly", async () => {
    const many = Array.from({ length: 20_000 }, (_, id) => span(id, { trace: 5 }));
    await suite.store.insert(fixture.spans(many));
    const slow = suite.store.stream(fixture.spansOf(5))[Symbol.asyncIterator]();
    const first = await slow.next();
    const counts = await Promise.all(
      Array.from({ length: 12 }, async () => (await suite.rows(fixture.spansOf(5))).length),
    );
    expect(new Set(counts)).toEqual(new Set([20_000]));
    let read = fixture.rowsOf(first.value as Answer).length;
    for (let next = await slow.next(); !next.done; next = await slow.next()) read += fixture.rowsOf(next.value).length;
    expect(read).toBe(20_000);
  });

  it("ends a query whose reader leaves or aborts, and serves the next", async () => {
    for (let i = 0; i < 20; i++) for await (const _ of suite.store.stream(fixture.spansOf(5))) break;
    const abort = new AbortController();
    const aborted = (async () => {
      for await (const _ of suite.store.stream(fixture.spansOf(5), abort.signal)) abort.abort(new Error("enough"));
    })();
    await expect(aborted).rejects.toThrow("enough");
    expect(await suite.rows(fixture.spansOf(1))).toHaveLength(5);
  });

  it("refuses a statement that is wrong and serves the next", async () => {
    await expect(suite.rows(fixture.broken)).rejects.toMatchObject({ name: "SpanloomError", reason: "INTERNAL" });
    expect(await suite.rows(fixture.spansOf(1))).toHaveLength(5);
  });

  it("answers the next query whole, and with nothing else, after one that failed on its way", async () => {
    for (let i = 0; i < 10; i++) {
      await expect(suite.rows(fixture.failing)).rejects.toMatchObject({ name: "SpanloomError", reason: "INTERNAL" });
      expect(await suite.rows(fixture.spansOf(1))).toHaveLength(5);
    }
  });
}

/** What outlives a query and the process. */
function lifeCases<Batch, Statement, Answer>(suite: Suite<Batch, Statement, Answer>): void {
  const { fixture } = suite;

  it("counts what it holds", async () => {
    const stats = await suite.store.stats();
    expect(stats.spans).toBeGreaterThanOrEqual(20_000);
    expect(stats.logs).toBeGreaterThanOrEqual(2);
    expect(stats.bytesOnDisk).toBeGreaterThan(0);
  });

  it("finds everything again after it was closed and opened", async () => {
    await suite.store.stop();
    await suite.store.stop();
    suite.store = fixture.reopened();
    await suite.store.start();
    expect(await suite.rows(fixture.spansOf(1))).toHaveLength(5);
    expect((await suite.rows(fixture.spansOf(3))).map((row) => row.name)).toEqual(["version 4"]);
  });

  it("merges what comes in small inserts, so that a day is kept in few parts", async () => {
    for (let id = 0; id < 60; id++) await suite.store.insert(fixture.spans([span(id, { trace: 8 })]));
    await waitFor(async () => Number((await suite.rows(fixture.parts))[0]?.parts) <= 20, { deadlineMs: 30_000 });
    expect(await suite.rows(fixture.spansOf(8))).toHaveLength(60);
  }, 40_000);

  it("drops rows that are older than the retention, day by day, and keeps the others", async () => {
    const dayNs = 86_400_000_000_000n;
    const kept = [0n, 5n].map((days, id) => span(id, { trace: 7, startNs: fixture.nowNs() - days * dayNs }));
    const old = [9n, 40n].map((days, id) => span(id + 2, { trace: 7, startNs: fixture.nowNs() - days * dayNs }));
    await suite.store.insert(fixture.spans([...kept, ...old]));
    expect(await suite.rows(fixture.spansOf(7))).toHaveLength(4);
    await suite.store.stop();
    suite.store = fixture.reopened(7);
    await suite.store.start();
    const leftOf = (statement: Statement, most: number) =>
      waitFor(async () => {
        const rows = await suite.rows(statement);
        return rows.length <= most && rows;
      });
    const left = await leftOf(fixture.spansOf(7), 2);
    expect(left.map((row) => row.name)).toEqual(["span 1", "span 0"]);
    await leftOf(fixture.spansOf(1), 0);
    await leftOf(fixture.allLogs(), 0);
    expect(await suite.rows(fixture.spansOf(7))).toHaveLength(2);
  });
}

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Comparison,
  QueryLogsRequestSchema,
  QuerySpansRequestSchema,
  TailLogsRequestSchema,
  TailSpansRequestSchema,
} from "@spanloom/protocol";
import { tempDir } from "@spanloom/testing";
import { tableFromIPC } from "apache-arrow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChdbSpanStore } from "../columnar/chdb/index.ts";
import type { Statement } from "../columnar/span-store.ts";
import { attribute, idBytes, logPayload, logRecord, rowsOf, span, tracePayload } from "../ingest/otlp-fixture.ts";
import { OtlpReader } from "../ingest/otlp-reader.ts";
import { planLogs, planSpans } from "./planner.ts";
import { extraLogCatalogue, extraSpanCatalogue } from "./span-schema.ts";
import { planLogTail, planSpanTail } from "./tail-plan.ts";

type SpansRequest = MessageInitShape<typeof QuerySpansRequestSchema>;
type LogsRequest = MessageInitShape<typeof QueryLogsRequestSchema>;

const dir = tempDir("spanloom-planner-");
const store = new ChdbSpanStore({ dataDir: join(dir.path, "telemetry"), retentionDays: 10_000 });
const plan = (request: SpansRequest) => planSpans(create(QuerySpansRequestSchema, request), new Map());
const golden = (name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, "testdata", name), "utf8")) as unknown;

async function answers(statement: Statement): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  for await (const { ipc } of store.stream(statement)) found.push(ipc);
  return found;
}

const names = async (filter: NonNullable<SpansRequest["filter"]>, rest: Pick<SpansRequest, "orderBy" | "limit"> = {}) =>
  rowsOf(...(await answers(plan({ columns: ["name"], ...rest, filter } as SpansRequest)))).map((row) => row.name);
const bodies = async (request: LogsRequest) =>
  rowsOf(...(await answers(planLogs(create(QueryLogsRequestSchema, request), new Map())))).map((row) => row.body);

const exception = {
  name: "exception",
  timeUnixNano: 1n,
  attributes: [attribute("exception.type", "RangeError"), attribute("exception.message", "out of range")],
};

beforeAll(async () => {
  await store.start();
  const reader = new OtlpReader();
  reader.readTraces(
    tracePayload([
      span(1, { name: "GET /users", kind: 2, attributes: [attribute("n", 5n), attribute("ok", true)] }),
      span(2, {
        name: "GET /orders",
        kind: 3,
        attributes: [attribute("n", 10n), attribute("ratio", 0.5)],
        status: { code: 2 },
      }),
      span(3, { name: "SELECT orders", attributes: [attribute("n", "5")], events: [exception] }),
      span(4, { name: "open", endTimeUnixNano: 0n, attributes: [attribute("spanloom.outcome", "lost")] }),
    ]),
    1,
  );
  reader.readLogs(
    logPayload([logRecord(1), logRecord(2, { severityNumber: 17, attributes: [attribute("k", "v")] })]),
    2,
  );
  await store.insert({ table: "spans", ipc: reader.spans.finish(), rows: reader.spans.rows });
  await store.insert({ table: "logs", ipc: reader.logs.finish(), rows: reader.logs.rows });
});

afterAll(async () => {
  await store.stop();
  dir[Symbol.dispose]();
});

describe("columns", () => {
  const schemaOf = async (statement: Statement) =>
    tableFromIPC((await answers(statement))[0]!).schema.fields.map(
      ({ name, type, nullable }) => `${name}: ${type}${nullable ? " null" : ""}`,
    );

  it("of spans are the documented ones, in order and by type (P5)", async () => {
    expect(await schemaOf(plan({}))).toEqual(golden("spans-schema.json"));
    expect(await schemaOf(plan({ columns: [...extraSpanCatalogue.keys()] }))).toEqual(
      golden("spans-extra-schema.json"),
    );
  });

  it("of logs are the documented ones, in order and by type", async () => {
    const logs = (request: LogsRequest) => schemaOf(planLogs(create(QueryLogsRequestSchema, request), new Map()));
    expect(await logs({})).toEqual(golden("logs-schema.json"));
    expect(await logs({ columns: [...extraLogCatalogue.keys()] })).toEqual(golden("logs-extra-schema.json"));
  });

  it("of attributes have the type asked for", async () => {
    const types = ([1, 2, 3, 4] as const).map((type) => ({ key: "n", as: `c${type}`, type }));
    const found = await schemaOf(plan({ columns: ["name"], attributeColumns: types }));
    expect(found.slice(1)).toEqual(["c1: Utf8 null", "c2: Int64 null", "c3: Float64 null", "c4: Bool null"]);
  });

  it("can be chosen, and attributes projected to typed ones", async () => {
    const [row, ...rest] = rowsOf(
      ...(await answers(
        plan({
          columns: ["name"],
          attributeColumns: [
            { key: "n", type: 2 },
            { key: "n", as: "text" },
            { key: "ok", type: 4 },
            { key: "ratio", type: 3 },
            { key: "service.name", resource: true },
          ],
        }),
      )),
    );
    expect(row).toEqual({
      name: "GET /users",
      n: 5n,
      text: "5",
      ok: expect.anything(),
      ratio: null,
      "service.name": "checkout",
    });
    expect(rest[0]).toMatchObject({ n: 10n, ok: null, ratio: 0.5 });
    expect(rest[1]).toMatchObject({ n: null, text: "5" });
  });
});

describe("filters", () => {
  it("match names exactly, by prefix, by part and by expression", async () => {
    const match = (how: "exact" | "prefix" | "contains" | "regex", value: string) => ({
      names: [{ match: { case: how, value } }],
    });
    expect(await names(match("exact", "open"))).toEqual(["open"]);
    expect(await names(match("prefix", "GET "))).toEqual(["GET /users", "GET /orders"]);
    expect(await names(match("contains", "orders"))).toEqual(["GET /orders", "SELECT orders"]);
    expect(await names(match("regex", "^(GET|SELECT) .?o"))).toEqual(["GET /orders", "SELECT orders"]);
    await expect(names(match("regex", "("))).rejects.toMatchObject({
      reason: "INVALID_FIELD",
      message: 'cannot query: regex is "(", which RE2 refuses: missing ): (',
    });
  });

  it("match kind, status, outcome, service, openness, time and duration", async () => {
    const at = (n: number) => ({ seconds: 1_767_225_600n, nanos: n * 1000 });
    expect(await names({ kinds: [2, 3] })).toEqual(["GET /users", "GET /orders"]);
    expect(await names({ statuses: [3] })).toEqual(["GET /orders"]);
    expect(await names({ outcomes: ["lost"] })).toEqual(["open"]);
    expect(await names({ services: ["checkout"] })).toHaveLength(4);
    expect(await names({ services: ["other"] })).toEqual([]);
    expect(await names({ open: true })).toEqual(["open"]);
    expect(await names({ time: { start: at(2), end: at(4) } })).toEqual(["GET /orders", "SELECT orders"]);
    expect(await names({ duration: { min: { nanos: 500 } } })).toHaveLength(3);
    expect(await names({ duration: { min: { nanos: 501 } } })).toEqual([]);
    expect(await names({ spanIds: ["0100000000000003"] })).toEqual(["SELECT orders"]);
    expect(await names({ parentSpanIds: ["0100000000000003"] })).toEqual([]);
  });

  it("compare attributes by type, and find events and exceptions", async () => {
    type Value = { case: "intValue"; value: bigint } | { case: "stringValue"; value: string };
    const on = (comparison: Comparison, value: Value) => names({ attributes: [{ key: "n", comparison, value }] });
    expect(await on(1, { case: "intValue", value: 5n })).toEqual(["GET /users"]);
    expect(await on(5, { case: "intValue", value: 5n })).toEqual(["GET /orders"]);
    expect(await on(1, { case: "stringValue", value: "5" })).toEqual(["SELECT orders"]);
    expect(await on(2, { case: "intValue", value: 5n })).toEqual(["GET /orders", "SELECT orders"]);
    expect(await names({ attributes: [{ key: "ok", comparison: 7 }] })).toEqual(["GET /users"]);
    expect(await names({ eventName: { match: { case: "exact", value: "exception" } } })).toEqual(["SELECT orders"]);
    expect(await names({ exception: { match: { case: "contains", value: "range" } } })).toEqual(["SELECT orders"]);
  });

  it("nest, and an empty one holds for every row", async () => {
    expect(await names({ or: [{ statuses: [3] }, { open: true }] })).toEqual(["GET /orders", "open"]);
    expect(await names({ and: [{ open: false }], not: { kinds: [2] } })).toEqual(["GET /orders", "SELECT orders"]);
    expect(await names({ not: { attributes: [{ key: "n", value: { case: "intValue", value: 5n } }] } })).toHaveLength(
      3,
    );
    expect(await names({ and: [{ not: {} }] })).toEqual([]);
  });

  it("of logs match severity, body and attributes", async () => {
    expect(await bodies({ filter: { minSeverity: 17 } })).toEqual(["line 2"]);
    expect(await bodies({ filter: { body: { match: { case: "prefix", value: "line" } } }, limit: 1n })).toEqual([
      "line 1",
    ]);
    expect(
      await bodies({ filter: { not: { attributes: [{ key: "k", value: { case: "stringValue", value: "v" } }] } } }),
    ).toEqual(["line 1"]);
    expect(await bodies({ orderBy: [{ column: "time", descending: true }] })).toEqual(["line 2", "line 1"]);
  });

  it("order and limit", async () => {
    const rest = { orderBy: [{ column: "name", descending: true }], limit: 2n };
    expect(await names({}, rest)).toEqual(["open", "SELECT orders"]);
  });

  it("order by a projected attribute, null last, and rows that are alike by their start", async () => {
    const by = async (column: string, descending: boolean) => {
      const attributeColumns = [
        { key: "n", as: "version", type: 2 as const },
        { key: "absent", as: "absent" },
      ];
      const request = { columns: ["name"], attributeColumns, orderBy: [{ column, descending }] };
      return rowsOf(...(await answers(plan(request)))).map(({ name }) => name);
    };
    expect(await by("version", true)).toEqual(["GET /orders", "GET /users", "SELECT orders", "open"]);
    expect(await by("version", false)).toEqual(["GET /users", "GET /orders", "SELECT orders", "open"]);
    expect(await by("absent", true)).toEqual(["GET /users", "GET /orders", "SELECT orders", "open"]);
    for (const column of ["end_time", "duration_ns"])
      expect([(await by(column, true)).at(-1), (await by(column, false)).at(-1)]).toEqual(["open", "open"]);
  });
});

describe("hostile and wrong queries", () => {
  const hostile = [
    "'",
    "\\",
    "\\'",
    "`",
    "{p0:String}",
    "\0",
    "') OR 1=1 --",
    "file('/etc/passwd')",
    "*/ UNION ALL SELECT 1 /*",
  ];

  it("never reach the statement's text", async () => {
    for (const text of hostile) {
      const request = {
        filter: {
          names: (["exact", "prefix", "contains"] as const).map((how) => ({ match: { case: how, value: text } })),
          queues: [text],
          runnerIds: [text],
          services: [text],
          attributes: [{ key: text, value: { case: "stringValue" as const, value: text } }],
        },
        attributeColumns: [{ key: text, as: "plain" }],
      };
      const statement = plan(request);
      const harmless = plan(JSON.parse(JSON.stringify(request).replaceAll(JSON.stringify(text), '"x"')));
      expect(statement.sql).toBe(harmless.sql);
      expect(rowsOf(...(await answers(statement)))).toEqual([]);
      expect(() => plan({ attributeColumns: [{ key: "a", as: text }] })).toThrow(/attribute_columns\[0\].as/);
      expect(() => plan({ columns: [text] })).toThrow(/which does not exist/);
      expect(() => plan({ orderBy: [{ column: text }] })).toThrow(/which does not exist/);
    }
  });

  it.each<[string, SpansRequest, string, RegExp]>([
    ["a job id", { filter: { jobIds: ["nope"] } }, "INVALID_FIELD", /filter.job_ids\[0\] is "nope"/],
    [
      "a trace id",
      { filter: { and: [{ traceIds: ["ab"] }] } },
      "INVALID_FIELD",
      /filter.and\[0\].trace_ids\[0\] is "ab"/,
    ],
    ["a kind", { filter: { kinds: [9] } }, "INVALID_FIELD", /filter.kinds\[0\] is 9/],
    ["a type", { filter: { types: [0] } }, "INVALID_FIELD", /filter.types\[0\] is 0/],
    [
      "what sets no job going",
      { filter: { not: { trigger: { types: [5] } } } },
      "INVALID_FIELD",
      /filter.not.trigger.types\[0\] is 5, which sets no job going/,
    ],
    ["an outcome", { filter: { outcomes: ["fine"] } }, "INVALID_FIELD", /"fine", not one of/],
    ["a text match", { filter: { names: [{}] } }, "INVALID_FIELD", /none of exact, prefix/],
    ["a column", { columns: ["colour"] }, "UNSUPPORTED_QUERY", /columns name "colour"/],
    ["a column twice", { columns: ["name", "name"] }, "INVALID_FIELD", /name "name" twice/],
    ["an order by a map", { orderBy: [{ column: "attributes" }] }, "UNSUPPORTED_QUERY", /which has no order/],
    ["an attribute value", { filter: { attributes: [{ key: "k" }] } }, "INVALID_FIELD", /is absent for key "k"/],
  ])("are refused: %s", (_, request, reason, message) => {
    expect(() => plan(request)).toThrow(expect.objectContaining({ reason, message: expect.stringMatching(message) }));
  });

  it("are refused where they tell by what set jobs going, of those who follow", () => {
    const filter = { or: [{ trigger: { schedules: ["nightly"] } }] };
    const window = { fromUs: 0n, untilUs: 1n };
    for (const refused of [
      () => planSpanTail(create(TailSpansRequestSchema, { filter }), new Map(), window),
      () => planLogTail(create(TailLogsRequestSchema, { filter }), new Map(), window),
    ]) {
      const message = expect.stringMatching(/filter.or\[0\].trigger cannot be followed/);
      expect(refused).toThrow(expect.objectContaining({ reason: "UNSUPPORTED_QUERY", message }));
    }
  });

  it("are served with lists as long as they may be", async () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => (i + 1).toString(16).padStart(12, "0"));
    const jobIds = ids.map((id) => `01900000-0000-7000-8000-${id}`);
    const exact = ids.map((value) => ({ match: { case: "exact" as const, value } }));
    expect(await names({ jobIds })).toEqual([]);
    expect(await names({ taskIds: jobIds })).toEqual([]);
    expect(await names({ spanIds: ids.map((id) => `0100${id}`) })).toHaveLength(4);
    expect(await names({ names: [...exact.slice(1), { match: { case: "exact", value: "open" } }] })).toEqual(["open"]);
    expect(() => plan({ filter: { queues: [...ids, "more"] } })).toThrow(/queues has 10001 entries, more than 10000/);
  });

  it("are served with expressions that would blow up elsewhere, and refused where RE2 does", async () => {
    const match = (value: string) => names({ names: [{ match: { case: "regex", value } }] });
    expect(await match("(a+)+$")).toEqual([]);
    expect(await match("(.*)*(.*)*(.*)*(.*)*x$")).toEqual([]);
    for (const value of ["((a{100}){100}){100}", "(?=a)", "(a)\\1"]) {
      await expect(match(value)).rejects.toMatchObject({ reason: "INVALID_FIELD" });
    }
    await expect(match("a".repeat(4_097))).rejects.toMatchObject({
      reason: "LIMIT_EXCEEDED",
      message: "cannot query: filter.names[0] is a regex of 4097 characters, more than 4096",
      facts: { field: "filter.names[0]", limit: 4096, actual: 4097 },
    });
  });

  it("are refused when they have more conditions than the engine reads in good time", async () => {
    const many = (count: number) => ({ or: Array.from({ length: count }, (_, i) => ({ kinds: [i % 6] })) });
    expect(await names(many(500))).toHaveLength(4);
    const attributes = Array.from({ length: 600 }, () => ({ key: "k", comparison: 7 as const }));
    for (const filter of [many(501), { attributes, resourceAttributes: attributes }]) {
      expect(() => plan({ filter })).toThrow("cannot query: filter has more than 1000 conditions");
    }
  });

  it("are refused when they nest without end", () => {
    let filter: NonNullable<SpansRequest["filter"]> = {};
    for (let i = 0; i < 40; i++) filter = { not: filter };
    const facts = { field: "filter", limit: 32 };
    expect(() => plan({ filter })).toThrow(expect.objectContaining({ reason: "LIMIT_EXCEEDED", facts }));
  });
});

describe("reading", () => {
  const traceIds = [Buffer.from(idBytes(16, 9)).toString("hex")];
  const request = { filter: { traceIds }, columns: ["span_id", "name"] };

  beforeAll(async () => {
    const reader = new OtlpReader();
    for (const version of [2, 3]) {
      const spans = [3, 1, 2].map((n) => span(n, { traceId: idBytes(16, 9), name: `version ${version}` }));
      reader.readTraces(tracePayload(spans), version);
      await store.insert({ table: "spans", ipc: reader.spans.finish(), rows: reader.spans.rows });
    }
  });

  const lastDigits = (spans: Record<string, unknown>[]) =>
    spans.map(({ span_id, name }) => [(span_id as string).slice(-1), name]);

  it.each([
    ["in the table's order", {}],
    ["in an order of the caller's", { orderBy: [{ column: "span_id" }] }],
    ["of several traces", { filter: { traceIds: [...traceIds, "f".repeat(32)] } }],
  ])("gives the latest version of each span: %s", async (_, asked) => {
    const rows = rowsOf(
      ...(await answers(planSpans(create(QuerySpansRequestSchema, { ...request, ...asked }), new Map()))),
    );
    expect(lastDigits(rows)).toEqual([
      ["1", "version 3"],
      ["2", "version 3"],
      ["3", "version 3"],
    ]);
  });

  it("filters latest versions alone, and limits what is left", async () => {
    const ask = (name: string, limit = 0n) => {
      const names = [{ match: { case: "exact" as const, value: name } }];
      return create(QuerySpansRequestSchema, { ...request, filter: { traceIds, names }, limit });
    };
    expect(rowsOf(...(await answers(planSpans(ask("version 2"), new Map()))))).toEqual([]);
    const two = rowsOf(...(await answers(planSpans(ask("version 3", 2n), new Map()))));
    expect(lastDigits(two)).toEqual([
      ["1", "version 3"],
      ["2", "version 3"],
    ]);
  });

  it("gives many spans of many parts by their start, each once", async () => {
    const trace = idBytes(16, 10);
    const spans = Array.from({ length: 60_000 }, (_, i) => span(i + 1, { traceId: trace, name: `n ${i % 7}` }));
    // Parts that overlap: a quarter of the spans in each, and some of them again.
    for (let part = 0; part < 4; part++) {
      const reader = new OtlpReader();
      reader.readTraces(tracePayload(spans.filter((_, i) => i % 4 === part || i % 5 === part)), 2 + part);
      await store.insert({ table: "spans", ipc: reader.spans.finish(), rows: reader.spans.rows });
    }
    const numbers = async (asked: SpansRequest["filter"]) => {
      const filter = { ...asked, traceIds: [Buffer.from(trace).toString("hex")] };
      const wanted = create(QuerySpansRequestSchema, { filter, columns: ["start_time", "span_id"] });
      const rows = rowsOf(...(await answers(planSpans(wanted, new Map()))));
      return rows.map(({ span_id }) => Number.parseInt((span_id as string).slice(8), 16));
    };
    expect(await numbers({})).toEqual(spans.map((_, i) => i + 1));
    const third = spans.flatMap((_, i) => (i % 7 === 3 ? i + 1 : []));
    expect(await numbers({ names: [{ match: { case: "exact", value: "n 3" } }] })).toEqual(third);
  });
});

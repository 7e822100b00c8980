import { readFileSync } from "node:fs";
import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AggregateSpansRequestSchema, type ColumnType, type GroupKeySchema, type Measure } from "@spanloom/protocol";
import { tableFromIPC } from "apache-arrow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seeded } from "../../testing/seeded.ts";
import type { SpanStore, Statement } from "../columnar/span-store.ts";
import { attribute, type FixtureValue, idBytes, rowsOf, span, tracePayload } from "../ingest/otlp-fixture.ts";
import { OtlpReader } from "../ingest/otlp-reader.ts";
import { insertSpans, type TestedStore, telemetryStores } from "../testing/telemetry-stores.ts";
import { planAggregate } from "./aggregate-plan.ts";
import { MAX_GROUPS } from "./group-limit.ts";

type Request = MessageInitShape<typeof AggregateSpansRequestSchema>;
type Row = Record<string, unknown>;

const plan = (request: Request) => planAggregate(create(AggregateSpansRequestSchema, request), new Map());
const by = (...columns: string[]): MessageInitShape<typeof GroupKeySchema>[] =>
  columns.map((value) => ({ key: { case: "column", value } }));
const byAttribute = (key: string, type: ColumnType = 0, as = ""): MessageInitShape<typeof GroupKeySchema> => ({
  key: { case: "attribute", value: { key, type, as } },
});

async function answers(store: SpanStore, statement: Statement): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  for await (const { ipc } of store.stream(statement)) found.push(ipc);
  return found;
}

/** A span as the recomputation sees it. */
interface Sample {
  id: number;
  trace: number;
  name: string;
  startNs: bigint;
  /** Absent while open. */
  durationNs: bigint | undefined;
  isError: boolean;
  attributes: ReadonlyMap<string, FixtureValue>;
}

const START_NS = 1_767_225_600_000_000_000n;
const names = ["load", "save", "'; DROP TABLE spans; --", "{p0:String}", "Ünï €", ""];

function randomSamples(random: () => number, count: number): Sample[] {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const values: readonly FixtureValue[] = ["x", "5", 5n, -7n, 0.5, true, false];
  return Array.from({ length: count }, (_, id) => ({
    id: id + 1,
    trace: Math.floor(random() * 4) + 1,
    name: pick(names),
    startNs: START_NS + BigInt(Math.floor(random() * 5e9)),
    durationNs: random() < 0.1 ? undefined : BigInt(Math.floor(10 ** (random() * 15))),
    isError: random() < 0.2,
    attributes: new Map(["n", "m"].filter(() => random() < 0.7).map((key) => [key, pick(values)])),
  }));
}

function payloadOf(samples: readonly Sample[], name = (sample: Sample) => sample.name): Uint8Array {
  const spans = samples.map((sample) =>
    span(sample.id, {
      traceId: idBytes(16, sample.trace),
      name: name(sample),
      startTimeUnixNano: sample.startNs,
      endTimeUnixNano: sample.durationNs === undefined ? 0n : sample.startNs + sample.durationNs,
      status: { code: sample.isError ? 2 : 0 },
      attributes: [...sample.attributes].map(([key, value]) => attribute(key, value)),
    }),
  );
  return tracePayload(spans);
}

/** What a group's measures must be. */
function measured(samples: readonly Sample[]): Row {
  const durations = samples.flatMap(({ durationNs }) => durationNs ?? []).sort((a, b) => (a < b ? -1 : 1));
  const sum = durations.reduce((total, each) => total + each, 0n);
  const rank = (p: number) => durations[Math.floor(p * durations.length)] ?? null;
  return {
    count: BigInt(samples.length),
    errors: BigInt(samples.filter(({ isError }) => isError).length),
    sum_ns: sum,
    mean_ns: durations.length === 0 ? null : Number(sum) / durations.length,
    min_ns: durations[0] ?? null,
    max_ns: durations.at(-1) ?? null,
    p50_ns: rank(0.5),
    p90_ns: rank(0.9),
    p95_ns: rank(0.95),
    p99_ns: rank(0.99),
  };
}

function regrouped(samples: readonly Sample[], keyOf: (sample: Sample) => Row): Row[] {
  const groups = new Map<string, { key: Row; samples: Sample[] }>();
  for (const sample of samples) {
    const key = keyOf(sample);
    const id = JSON.stringify(Object.entries(key).map(([name, value]) => [name, String(value), value === null]));
    const group = groups.get(id) ?? { key, samples: [] };
    group.samples.push(sample);
    groups.set(id, group);
  }
  return [...groups.values()].map((group) => ({ ...group.key, ...measured(group.samples) }));
}

const inAnyOrder = (rows: readonly Row[]) =>
  rows.map((row) => JSON.stringify(row, (_, value) => (typeof value === "bigint" ? `${value}n` : value))).sort();

for (const [kind, start] of telemetryStores) {
  describe(`AggregateSpans on ${kind}`, () => {
    let tested: TestedStore;
    let store: SpanStore;
    const rows = async (request: Request) => rowsOf(...(await answers(store, plan(request))));
    const traceIds = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => Buffer.from(idBytes(16, from + i)).toString("hex"));

    beforeAll(async () => {
      tested = await start();
      ({ store } = tested);
    });
    afterAll(() => tested[Symbol.asyncDispose]());

    it("gives the columns that docs/schema.md lists, by name and type", async () => {
      const [ipc] = await answers(
        store,
        plan({ timeBucket: { seconds: 1n }, groupBy: [...by("name", "job_id"), byAttribute("n", 2)] }),
      );
      const columns = tableFromIPC(ipc!).schema.fields.map(
        ({ name, type, nullable }) => `${name}: ${type}${nullable ? " null" : ""}`,
      );
      const golden = readFileSync(join(import.meta.dirname, "testdata/aggregate-schema.json"), "utf8");
      expect(columns).toEqual(JSON.parse(golden));
    });

    it("gives one row of nothing when nothing matches and nothing is grouped by, and no row when something is", async () => {
      const filter = { traceIds: traceIds(99, 99) };
      expect(await rows({ filter })).toEqual([measured([])]);
      expect(await rows({ filter, groupBy: by("name") })).toEqual([]);
    });

    it.each([1, 2, 3])(
      "measures what a plain recomputation measures, spans sent twice included (seed %i)",
      async (seed) => {
        const random = seeded(seed);
        const samples = randomSamples(random, 400).map((sample) => ({ ...sample, trace: sample.trace + seed * 10 }));
        const reader = new OtlpReader();
        reader.readTraces(
          payloadOf(samples.slice(0, 200), () => "an earlier version"),
          1,
        );
        await insertSpans(store, reader);
        reader.readTraces(payloadOf(samples), 2);
        await insertSpans(store, reader);
        const filter = { traceIds: traceIds(seed * 10, seed * 10 + 9) };
        const check = async (
          request: Omit<Extract<Request, { $typeName?: never }>, "filter">,
          keyOf: (sample: Sample) => Row,
        ) => expect(inAnyOrder(await rows({ filter, ...request }))).toEqual(inAnyOrder(regrouped(samples, keyOf)));
        const text = (value: FixtureValue | undefined) => (value === undefined ? null : String(value));
        const whole = (value: FixtureValue | undefined) => (typeof value === "bigint" ? value : null);
        await check({}, () => ({}));
        await check({ groupBy: by("name") }, ({ name }) => ({ name }));
        await check({ groupBy: by("status", "name") }, ({ isError, name }) => ({
          status: isError ? "ERROR" : "UNSET",
          name,
        }));
        await check({ groupBy: [byAttribute("n")] }, ({ attributes }) => ({ n: text(attributes.get("n")) }));
        await check({ groupBy: [byAttribute("n", 2, "whole"), byAttribute("m", 1)] }, ({ attributes }) => ({
          whole: whole(attributes.get("n")),
          m: text(attributes.get("m")),
        }));
        await check({ timeBucket: { nanos: 700_000_000 }, groupBy: by("name") }, ({ startNs, name }) => ({
          time_bucket: startNs - (startNs % 700_000_000n),
          name,
        }));
        const slow = samples.filter(({ durationNs }) => durationNs !== undefined && durationNs >= 1_000_000n);
        const narrowed = { ...filter, duration: { min: { nanos: 1_000_000 } } };
        expect(inAnyOrder(await rows({ filter: narrowed, groupBy: by("name") }))).toEqual(
          inAnyOrder(regrouped(slow, ({ name }) => ({ name }))),
        );
      },
    );

    it("keeps a sum that is beyond 64 bits at the most they hold", async () => {
      const longest = 2n ** 63n - 1n - START_NS;
      const samples = [1, 2].map((id) => ({
        ...randomSamples(() => 0.5, 1)[0]!,
        id,
        trace: 90,
        startNs: START_NS,
        durationNs: longest,
      }));
      const reader = new OtlpReader();
      reader.readTraces(payloadOf(samples), 1);
      await insertSpans(store, reader);
      const [row] = await rows({ filter: { traceIds: traceIds(90, 90) }, measures: [1, 3, 6] });
      expect(row).toEqual({ count: 2n, sum_ns: 2n ** 63n - 1n, max_ns: longest });
    });

    it("gives the measures asked for alone, and groups by their keys unless told otherwise", async () => {
      const filter = { traceIds: traceIds(10, 19) };
      const plainly = await rows({ filter, groupBy: by("name"), measures: [10, 1] });
      expect(Object.keys(plainly[0]!)).toEqual(["name", "p99_ns", "count"]);
      expect(plainly.map(({ name }) => name)).toEqual(
        names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
      );
      const counted = await rows({
        filter,
        groupBy: by("name"),
        measures: [1],
        orderBy: [{ column: "count", descending: true }],
      });
      const counts = counted.map(({ count }) => count as bigint);
      expect(counts).toEqual(counts.toSorted((a, b) => (a < b ? 1 : -1)));
      expect(
        await rows({
          filter,
          groupBy: by("name"),
          measures: [1],
          orderBy: [{ column: "count", descending: true }],
          limit: 2n,
        }),
      ).toEqual(counted.slice(0, 2));
      expect(await rows({ filter, groupBy: by("name"), measures: [10, 1] })).toEqual(plainly);
    });

    it("groups by numbers that are none, and by attributes of the resource", async () => {
      const reader = new OtlpReader();
      const values = [Number.NaN, Number.NaN, Number.POSITIVE_INFINITY, -0, 0, 1.5];
      const spans = values.map((value, i) =>
        span(i + 1, { traceId: idBytes(16, 80), attributes: [attribute("ratio", value)] }),
      );
      reader.readTraces(tracePayload(spans, [attribute("service.name", "a"), attribute("zone", "north")]), 1);
      await insertSpans(store, reader);
      const filter = { traceIds: traceIds(80, 80) };
      const ratios = await rows({ filter, groupBy: [byAttribute("ratio", 3)], measures: [1] });
      expect(ratios.map(({ ratio, count }) => `${ratio}: ${count}`).sort()).toEqual([
        "0: 2",
        "1.5: 1",
        "Infinity: 1",
        "NaN: 2",
      ]);
      const zone = { key: { case: "attribute" as const, value: { key: "zone", resource: true } } };
      expect(await rows({ filter, groupBy: [zone, ...by("service_name")], measures: [1] })).toEqual([
        { zone: "north", service_name: "a", count: 6n },
      ]);
    });

    it("refuses a regular expression that is none, and answers the next whole", async () => {
      const bad = { names: [{ match: { case: "regex" as const, value: "(" } }] };
      await expect(rows({ filter: bad })).rejects.toMatchObject({ reason: "INVALID_FIELD" });
      expect(await rows({ filter: { traceIds: traceIds(99, 99) } })).toEqual([measured([])]);
    });

    it("groups by every column that can tell spans apart", async () => {
      const columns =
        "trace_id parent_span_id name kind type status status_message outcome job_id job_name task_id task_name task_version attempt queue runner_id service_name scope_name scope_version trace_state flags";
      for (const column of columns.split(" ")) {
        const [row] = await rows({ filter: { traceIds: traceIds(11, 11) }, groupBy: by(column), measures: [1] });
        expect(Object.keys(row!)).toEqual([column, "count"]);
      }
    });

    it("refuses more groups than an answer may have, also when it would be cut", async () => {
      const reader = new OtlpReader();
      for (let from = 0; from <= MAX_GROUPS; from += 20_000) {
        const count = Math.min(20_000, MAX_GROUPS + 1 - from);
        const spans = Array.from({ length: count }, (_, i) =>
          span(from + i + 1, { traceId: idBytes(16, 99_000), parentSpanId: idBytes(8, from + i) }),
        );
        reader.readTraces(tracePayload(spans), 1);
        await insertSpans(store, reader);
      }
      const filter = { traceIds: traceIds(99_000, 99_000) };
      const refused = {
        reason: "LIMIT_EXCEEDED",
        message: `cannot query: group_by gives more than ${MAX_GROUPS} groups: narrow the filter or group by less`,
      };
      await expect(rows({ filter, groupBy: by("parent_span_id"), measures: [1] })).rejects.toMatchObject(refused);
      await expect(rows({ filter, groupBy: by("parent_span_id"), limit: 1n })).rejects.toMatchObject(refused);
      const most = { ...filter, not: { parentSpanIds: [Buffer.from(idBytes(8, 5)).toString("hex")] } };
      expect(await rows({ filter: most, groupBy: by("parent_span_id"), measures: [1] })).toHaveLength(MAX_GROUPS);
    });
  });
}

describe("aggregates that are wrong or hostile", () => {
  it.each<[string, Request, string, RegExp]>([
    [
      "a column that does not exist",
      { groupBy: by("colour") },
      "UNSUPPORTED_QUERY",
      /group_by\[0\].column is "colour", which does not exist/,
    ],
    [
      "a map",
      { groupBy: by("name", "attributes") },
      "UNSUPPORTED_QUERY",
      /group_by\[1\].column is "attributes", which cannot be grouped by/,
    ],
    ["a start time", { groupBy: by("start_time") }, "UNSUPPORTED_QUERY", /time_bucket groups by it/],
    ["an empty key", { groupBy: [{}] }, "INVALID_FIELD", /group_by\[0\] has neither/],
    [
      "a column twice",
      { groupBy: by("name", "name") },
      "INVALID_FIELD",
      /group_by\[1\] is named "name", which is another column/,
    ],
    [
      "an attribute named as a measure",
      { groupBy: [byAttribute("a", 0, "p99_ns")] },
      "INVALID_FIELD",
      /is named "p99_ns"/,
    ],
    [
      "an attribute of an unknown type",
      { groupBy: [byAttribute("a", 9 as ColumnType)] },
      "INVALID_FIELD",
      /group_by\[0\].attribute.type is 9/,
    ],
    [
      "nine keys",
      { groupBy: Array.from({ length: 9 }, (_, i) => byAttribute(`k${i}`)) },
      "LIMIT_EXCEEDED",
      /has 9 keys, more than 8/,
    ],
    ["no measure", { measures: [0] }, "INVALID_FIELD", /measures\[0\] is 0, which is unknown/],
    ["an unknown measure", { measures: [1, 77 as Measure] }, "INVALID_FIELD", /measures\[1\] is 77/],
    ["a measure twice", { measures: [1, 1] }, "INVALID_FIELD", /measures\[1\] is 1 for the second time/],
    ["a bucket of no width", { timeBucket: {} }, "INVALID_FIELD", /time_bucket is 0 ns/],
    ["a bucket of negative width", { timeBucket: { seconds: -1n } }, "INVALID_FIELD", /time_bucket is -1000000000 ns/],
    ["a bucket wider than time", { timeBucket: { seconds: 10_000_000_000n } }, "INVALID_FIELD", /outside 1 to 2\^63/],
    [
      "an order by what is not measured",
      { measures: [1], orderBy: [{ column: "p99_ns" }] },
      "UNSUPPORTED_QUERY",
      /"p99_ns", which the answer does not have/,
    ],
    ["a filter that is wrong", { filter: { jobIds: ["nope"] } }, "INVALID_FIELD", /filter.job_ids\[0\]/],
  ])("are refused: %s", (_, request, reason, message) => {
    expect(() => plan(request)).toThrow(expect.objectContaining({ reason, message: expect.stringMatching(message) }));
  });

  it("never become part of the statement", () => {
    for (const text of ["'", "\\'", "`", "{p0:String}", "\0", "') OR 1=1 --", "file('/etc/passwd')"]) {
      const request = (value: string): Request => ({
        filter: { names: [{ match: { case: "regex", value } }] },
        groupBy: [byAttribute(value, 0, "plain")],
      });
      expect(plan(request(text)).sql).toBe(plan(request("x")).sql);
      expect(() => plan({ groupBy: by(text) })).toThrow(/which does not exist/);
      expect(() => plan({ groupBy: [byAttribute("a", 0, text)] })).toThrow(/group_by\[0\].attribute.as/);
      expect(() => plan({ orderBy: [{ column: text }] })).toThrow(/which the answer does not have/);
    }
  });
});

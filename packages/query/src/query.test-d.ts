import type { RecordBatch, Table, Vector } from "apache-arrow";
import { describe, expectTypeOf, it } from "vitest";
import { type Category, type MeasureColumn, type MeasureName, QueryClient, type SpanColumns } from "./index.ts";

const query = new QueryClient();

describe("a query's table", () => {
  it("has all columns when none are named", () => {
    expectTypeOf(query.spans({ job: "x" }).toArrow()).resolves.toExtend<Table<SpanColumns>>();
    const table = null as unknown as Awaited<ReturnType<ReturnType<typeof query.spans>["toArrow"]>>;
    expectTypeOf(table.getChild("duration_ns")!.get(0)).toEqualTypeOf<bigint | null>();
    expectTypeOf(table.getChild("name")!.get(0)).toEqualTypeOf<string | null>();
    expectTypeOf([...table.getChild("attributes")!.get(0)!]).toEqualTypeOf<[string, string | null][]>();
    expectTypeOf([...table.getChild("attribute_types")!.get(0)!]).toEqualTypeOf<[string, string | null][]>();
  });

  it("has the columns named, and no others", async () => {
    const narrow = query.spans().columns("name", "status");
    type Narrow = Awaited<ReturnType<typeof narrow.toArrow>>;
    expectTypeOf<Parameters<Narrow["getChild"]>[0]>().toEqualTypeOf<"name" | "status">();
    expectTypeOf<ReturnType<Narrow["getChild"]>>().toEqualTypeOf<Vector<Category> | null>();
  });

  it("has projected attributes by their own name and type", () => {
    const narrow = query.spans({
      columns: ["name", { attribute: "http.status", as: "code", type: "int64" }, { attribute: "region" }],
    });
    type Columns = Awaited<ReturnType<typeof narrow.toArrow>> extends Table<infer C> ? C : never;
    expectTypeOf<keyof Columns>().toEqualTypeOf<"name" | "code" | "region">();
    expectTypeOf<Columns["code"]["TValue"]>().toEqualTypeOf<bigint>();
    expectTypeOf<Columns["region"]["TValue"]>().toEqualTypeOf<string>();
  });

  it("keeps all columns when only attributes are projected", () => {
    const wide = query.logs().columns({ attribute: "user" });
    type Columns = Awaited<ReturnType<typeof wide.toArrow>> extends Table<infer C> ? C : never;
    expectTypeOf<"body" | "user">().toExtend<keyof Columns>();
  });

  it("comes in batches of the same columns", () => {
    const narrow = query.spans().columns("name");
    expectTypeOf(narrow.stream()).toExtend<AsyncIterable<RecordBatch<{ name: Category }>>>();
  });
});

describe("an aggregate's table", () => {
  type ColumnsOf<Query extends { toArrow: () => unknown }> =
    Awaited<ReturnType<Query["toArrow"]>> extends Table<infer Columns> ? Columns : never;

  it("has the keys and the measures that are named, by type", () => {
    const named = query.spans({ job: "x" }).aggregate({
      groupBy: ["name", { attribute: "http.status", as: "code", type: "int64" }],
      measures: ["count", "mean", "p99"],
      timeBucketMs: 60_000,
    });
    type Columns = ColumnsOf<typeof named>;
    expectTypeOf<keyof Columns>().toEqualTypeOf<"time_bucket" | "name" | "code" | "count" | "mean_ns" | "p99_ns">();
    expectTypeOf<Columns["p99_ns"]["TValue"]>().toEqualTypeOf<bigint>();
    expectTypeOf<Columns["mean_ns"]["TValue"]>().toEqualTypeOf<number>();
    expectTypeOf<Columns["name"]>().toEqualTypeOf<Category>();
  });

  it("has all measures when none are named, and nothing else when nothing is grouped by", () => {
    const all = query.spans().aggregate({});
    expectTypeOf<keyof ColumnsOf<typeof all>>().toEqualTypeOf<MeasureColumn<MeasureName>>();
    const keyed = query.spans().aggregate({ groupBy: ["status"] });
    expectTypeOf<keyof ColumnsOf<typeof keyed>>().toEqualTypeOf<"status" | MeasureColumn<MeasureName>>();
  });

  it("knows what can be grouped by and measured", () => {
    // @ts-expect-error no such column
    query.spans().aggregate({ groupBy: ["colour"] });
    // @ts-expect-error tells every span apart
    query.spans().aggregate({ groupBy: ["span_id"] });
    // @ts-expect-error no such measure
    query.spans().aggregate({ measures: ["p42"] });
  });
});

describe("other queries", () => {
  it("compares jobs by documented columns", async () => {
    const table = null as unknown as Awaited<ReturnType<ReturnType<typeof query.compare>["toArrow"]>>;
    expectTypeOf(table.getChild("sum_delta_ns")!.get(0)).toEqualTypeOf<bigint | null>();
    expectTypeOf(table.getChild("other_mean_ns")!.get(0)).toEqualTypeOf<number | null>();
    // @ts-expect-error both jobs are needed
    query.compare({ base: "x" });
  });

  it("tails in batches of the columns that are named", () => {
    const tail = query.spans().columns("name").tail({ existing: true });
    expectTypeOf(tail.stream()).toExtend<AsyncIterable<RecordBatch<{ name: Category }>>>();
  });
});

describe("conditions", () => {
  it("know their values", () => {
    query.spans({ status: "ERROR", type: ["job", "attempt"], name: { prefix: "GET " }, start: { from: new Date() } });
    // @ts-expect-error no such status
    query.spans({ status: "FAILED" });
    // @ts-expect-error no such condition
    query.spans({ jobs: "x" });
    // @ts-expect-error no such column
    query.spans().columns("names");
    // @ts-expect-error numbers are no times
    query.logs({ start: { from: 5 } });
  });
});

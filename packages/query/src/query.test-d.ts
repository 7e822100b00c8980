import type { RecordBatch, Table, Vector } from "apache-arrow";
import { describe, expectTypeOf, it } from "vitest";
import { type Category, QueryClient, type SpanColumns } from "./index.ts";

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

import { tableFromArrays, tableToIPC } from "apache-arrow";
import { expect, test } from "vitest";
import type { JsonObject } from "../cases/template.ts";
import { ArrowRows } from "./arrow-rows.ts";

function message(columns: Record<string, unknown[]>, rows: number): JsonObject {
  const bytes = tableToIPC(tableFromArrays(columns as Parameters<typeof tableFromArrays>[0]), "stream");
  return { chunk: { ipc: Buffer.from(bytes).toString("base64"), rows: String(rows) } };
}

test("rows of a chunk come as JSON, and their bytes leave the message", () => {
  const sent = message({ name: ["a", null], count: new BigInt64Array([5n, 2n ** 60n]) as unknown as unknown[] }, 2);
  expect(new ArrowRows().take(sent)).toEqual([
    { name: "a", count: "5" },
    { name: null, count: String(2n ** 60n) },
  ]);
  expect(sent).toEqual({ chunk: { ipc: "", rows: "2" } });
});

test("a chunk may hold several whole streams", () => {
  const [a, b] = [message({ n: [1] }, 1), message({ n: [2] }, 1)].map(
    ({ chunk }) => (chunk as JsonObject).ipc as string,
  );
  const ipc = Buffer.concat([Buffer.from(a!, "base64"), Buffer.from(b!, "base64")]).toString("base64");
  expect(new ArrowRows().take({ chunk: { ipc, rows: "2" } })).toEqual([{ n: 1 }, { n: 2 }]);
});

test("a chunk that says it has other rows than it has is an error", () => {
  expect(() => new ArrowRows().take(message({ n: [1] }, 2))).toThrow("a chunk says that it has 2 rows, and has 1");
});

test("a chunk with another schema than the one before is an error", () => {
  const rows = new ArrowRows();
  rows.take(message({ n: [1] }, 1));
  expect(() => rows.take(message({ m: [1] }, 1))).toThrow("a chunk has another schema");
});

test("a message without a chunk has no rows", () => {
  expect(new ArrowRows().take({ position: "x" })).toEqual([]);
});

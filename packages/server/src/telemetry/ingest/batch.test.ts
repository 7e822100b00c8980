import { expect, it } from "vitest";
import type { SpanStore } from "../columnar/span-store.ts";
import type { Spool, SpooledPayload } from "../spool/spool.ts";
import { readBack, TimeSlice } from "./batch.ts";
import { rowsOf, span, tracePayload } from "./otlp-fixture.ts";
import { OtlpReader } from "./otlp-reader.ts";

/** A spool that holds these numbers, each with the span of that number. */
function spoolOf(held: readonly number[]): Pick<Spool, "read"> {
  const payloads = held.map((seq): SpooledPayload => ({ seq, signal: "traces", bytes: tracePayload([span(seq)]) }));
  return { read: async (seq) => payloads.filter((each) => each.seq >= seq).slice(0, 2) };
}

async function read(held: readonly number[], from: number, end: number) {
  const store = { async *stream() {} } as Partial<SpanStore> as SpanStore;
  const spool = spoolOf(held) as Spool;
  const options = { spool, writer: 0n, store, slice: new TimeSlice(), onDamaged: expect.fail };
  const batch = await readBack({ ...options, reader: new OtlpReader() }, from, end);
  const names = batch.reader.spans.rows > 0 ? rowsOf(batch.reader.spans.finish()).map(({ name }) => name) : [];
  return { from: batch.from, end: batch.end, names };
}

it.each([
  ["all that is there", [1, 2, 3, 4], 1, 5, [1, 2, 3, 4]],
  ["nothing that came later", [1, 2, 3, 4], 1, 3, [1, 2]],
  ["what is left when some were refused", [1, 4, 6], 1, 7, [1, 4, 6]],
  ["what is left when the last were refused and others came later", [1, 5, 6], 1, 4, [1]],
  ["nothing when all were refused and others came later", [7], 3, 5, []],
  ["nothing when all were refused", [], 3, 5, []],
] as const)("reads back %s", async (_name, held, from, end, found) => {
  expect(await read(held, from, end)).toEqual({ from, end, names: found.map((n) => `span ${n}`) });
});

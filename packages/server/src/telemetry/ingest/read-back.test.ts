import { expect, it } from "vitest";
import type { Spool, SpooledPayload } from "../spool/spool.ts";
import { rowsOf, span, tracePayload } from "./otlp-fixture.ts";
import { readBack } from "./read-back.ts";
import { DecoderHere } from "./testing/decoder-here.ts";

/** A spool that holds these numbers, each with the span of that number. */
function spoolOf(held: readonly number[]): Pick<Spool, "read"> {
  const payloads = held.map((seq): SpooledPayload => ({ seq, signal: "traces", bytes: tracePayload([span(seq)]) }));
  return { read: async (seq) => payloads.filter((each) => each.seq >= seq).slice(0, 2) };
}

async function read(held: readonly number[], from: number, end: number) {
  const how = { spool: spoolOf(held), thread: new DecoderHere(), onDamaged: expect.fail };
  const { rows, ...batch } = await readBack(how, from, end);
  const names = rows.inserts.flatMap(({ ipc }) => rowsOf([...ipc]).map(({ name }) => name));
  return { ...batch, names };
}

it.each([
  { what: "all that is there", held: [1, 2, 3, 4], from: 1, end: 5, found: [1, 2, 3, 4] },
  { what: "nothing that came later", held: [1, 2, 3, 4], from: 1, end: 3, found: [1, 2] },
  { what: "what is left when some were refused", held: [1, 4, 6], from: 1, end: 7, found: [1, 4, 6] },
  { what: "the rest when the last were refused and others came later", held: [1, 5, 6], from: 1, end: 4, found: [1] },
  { what: "nothing when all were refused and others came later", held: [7], from: 3, end: 5, found: [] },
  { what: "nothing when all were refused", held: [], from: 3, end: 5, found: [] },
])("reads back $what", async ({ held, from, end, found }) => {
  expect(await read(held, from, end)).toEqual({ from, end, names: found.map((n) => `span ${n}`) });
});

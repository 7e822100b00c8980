import { expect, test } from "vitest";
import { capturedContext } from "./testing/captured-context.ts";
import { type WritableQuery, writeRows } from "./write-rows.ts";

/** A query whose rows come 1,000 at a time, 60 milliseconds apart. */
function query(clock: { ms: number }, batches: number): WritableQuery {
  const come = (onRows: ((rows: number) => void) | undefined, batch: number) => {
    clock.ms += 60;
    onRows?.(batch * 1_000);
  };
  return {
    async toFile(path, { onRows } = {}) {
      for (let batch = 1; batch <= batches; batch++) come(onRows, batch);
      return { path, bytes: 9_000, format: "csv", rows: batches * 1_000 };
    },
    async *encode(_, { onRows } = {}) {
      for (let batch = 1; batch <= batches; batch++) {
        yield `${batch}\u001b[2J\n`;
        come(onRows, batch);
      }
    },
  };
}

async function written(batches: number, { isTTY, out }: { isTTY: boolean; out?: string }) {
  const clock = { ms: 1_000 };
  const context = capturedContext({ isTTY, nowMs: () => clock.ms });
  await writeRows(query(clock, batches), { format: "csv", context, ...(out && { out }) });
  return { out: context.out(), err: context.err() };
}

test("on a terminal the rows that came and how many come a second are shown in one line, a few times a second", async () => {
  const { err } = await written(5, { isTTY: true, out: "spans.csv" });
  expect(err).toBe(
    "\r\u001b[K2,000 rows, 16,667 a second\r\u001b[K4,000 rows, 16,667 a second\r\u001b[K" +
      "Wrote 5000 rows, 9000 bytes to spans.csv\n",
  );
});

test("elsewhere only the end is told", async () => {
  expect(await written(5, { isTTY: false, out: "spans.csv" })).toEqual({
    out: "",
    err: "Wrote 5000 rows, 9000 bytes to spans.csv\n",
  });
});

test("rows on a terminal are not mixed with progress, and cannot steer it; in a pipe they are as they are", async () => {
  expect(await written(3, { isTTY: true })).toEqual({ out: "1�[2J\n2�[2J\n3�[2J\n", err: "" });
  expect(await written(3, { isTTY: false })).toEqual({ out: "1\u001b[2J\n2\u001b[2J\n3\u001b[2J\n", err: "" });
});

test("no more is asked for before what was written has been taken", async () => {
  const context = capturedContext();
  const taken = Promise.withResolvers<void>();
  let pieces = 0;
  const slow = { ...context, stdout: { ...context.stdout, drained: () => taken.promise } };
  const endless: WritableQuery = {
    toFile: () => Promise.reject(new Error("cannot happen")),
    async *encode() {
      while (pieces < 3) {
        pieces++;
        yield "row\n";
      }
    },
  };
  const done = writeRows(endless, { format: "jsonl", context: slow });
  // All that can go on without the reader has.
  await new Promise((resolve) => setImmediate(resolve));
  expect([pieces, context.out()]).toEqual([1, "row\n"]);
  taken.resolve();
  await done;
  expect(pieces).toBe(3);
});

import type { Spool, SpooledPayload } from "../spool/spool.ts";
import type { BatchRows } from "./decode-messages.ts";
import type { ThreadDecoder } from "./thread-decoder.ts";

/** Bytes of payloads that are asked for at once: what arrives meanwhile waits for so much at most. */
const STEP_BYTES = 512 * 1024;

/** What reading back needs. */
export interface ReadBack {
  spool: Pick<Spool, "read">;
  thread: Pick<ThreadDecoder, "ask">;
  /** Hears of payloads that cannot be decoded. */
  onDamaged: (seq: number, message: string) => void;
}

/** Rows of the payloads `[from, end)`. */
export interface Batch {
  rows: BatchRows;
  from: number;
  end: number;
}

/**
 * A batch of payloads from `from` on as they are in the spool.
 *
 * Some of their rows may be in the store already: they come with the same keys, and it keeps one of each.
 * Payloads before `end` that the spool does not hold were refused when they came. One at a time may run.
 */
export async function readBack(how: ReadBack, from: number, end: number): Promise<Batch> {
  const next = await readUntilFull(how, from, end);
  const rows = await how.thread.ask({ kind: "sealReadBack" }, (answer) => answer);
  return { rows, from, end: next };
}

/** Number of the first payload that is not in the batch. */
async function readUntilFull({ spool, thread, onDamaged }: ReadBack, from: number, end: number): Promise<number> {
  let next = from;
  while (next < end) {
    const found = await spool.read(next);
    // What is missing before `end` was refused, and what comes after it came later.
    const payloads = found.filter(({ seq }) => seq < end);
    if (payloads.length === 0) return end;
    for (const step of steps(payloads)) {
      const firstSeq = step[0]!.seq;
      const outcome = await thread.ask({ kind: "readBack", payloads: step, firstSeq }, (answer) => answer);
      for (const { seq, message } of outcome.damaged) onDamaged(seq, message);
      if (outcome.taken > 0) next = firstSeq + outcome.taken;
      if (outcome.isFull) return next;
    }
    if (payloads.length < found.length) return end;
  }
  return end;
}

/** Payloads in groups of some size, without gaps in their numbers. */
function* steps(payloads: readonly SpooledPayload[]): Generator<SpooledPayload[]> {
  let step: SpooledPayload[] = [];
  let bytes = 0;
  for (const payload of payloads) {
    const last = step.at(-1);
    if (last && (bytes + payload.bytes.length > STEP_BYTES || payload.seq !== last.seq + 1)) {
      yield step;
      step = [];
      bytes = 0;
    }
    step.push(payload);
    bytes += payload.bytes.length;
  }
  if (step.length > 0) yield step;
}

import type { ClosedSpanTask } from "@spanloom/protocol";

/** Spans encoded, and what is told of their tasks. */
export interface EncodedSpans {
  /** A serialized OTLP export request. */
  readonly traces: Uint8Array;
  readonly tasks: readonly ClosedSpanTask[];
  readonly spans: number;
  /** All of it. */
  readonly bytes: number;
}

/** Spans on their way to a runner. */
export interface SpanBatch extends EncodedSpans {
  readonly id: bigint;
  readonly madeAtUs: number;
}

/** Most bytes of one answer, but for a batch that is larger alone. */
const MAX_ANSWER_BYTES = 2 * 1024 * 1024;

/** How long a runner has to say that a batch came: it calls at least this often, heartbeats included. */
const UNHEARD_US = 30_000_000;

/**
 * What is to be handed to one runner.
 *
 * I1. A batch stays until the runner has said that it came; what it does not say so of is handed out again.
 */
export class Outbox {
  readonly #waiting: SpanBatch[] = [];
  /** What was handed out, and when. */
  readonly #sent = new Map<bigint, { batch: SpanBatch; atUs: number }>();
  /** Queues that the runner serves, as it last said. */
  queues: ReadonlySet<string> = new Set();

  /** Whether the runner serves one of these queues. */
  servesAny(queues: Iterable<string>): boolean {
    for (const queue of queues) if (this.queues.has(queue)) return true;
    return false;
  }

  /** Whether there is something that was not handed out. */
  get ready(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether nothing is left. */
  get empty(): boolean {
    return this.#waiting.length === 0 && this.#sent.size === 0;
  }

  /** Adds batches behind those that are there. */
  add(...batches: readonly SpanBatch[]): void {
    this.#waiting.push(...batches);
  }

  /** What one answer brings, oldest first. */
  take(nowUs: number): readonly SpanBatch[] {
    this.takeBack(nowUs - UNHEARD_US);
    const taken: SpanBatch[] = [];
    let bytes = 0;
    for (const batch of this.#waiting) {
      bytes += batch.bytes;
      if (taken.length > 0 && bytes > MAX_ANSWER_BYTES) break;
      taken.push(batch);
    }
    this.#waiting.splice(0, taken.length);
    for (const batch of taken) this.#sent.set(batch.id, { batch, atUs: nowUs });
    return taken;
  }

  /** Forgets what came, also of what waits to be handed out again; gives those batches. */
  received(ids: readonly bigint[]): readonly SpanBatch[] {
    return ids.flatMap((id) => {
      const sent = this.#sent.get(id);
      if (this.#sent.delete(id)) return sent!.batch;
      const at = this.#waiting.findIndex((batch) => batch.id === id);
      return at < 0 ? [] : this.#waiting.splice(at, 1);
    });
  }

  /** Takes out what was not handed out, e.g. for the outbox of another runner. */
  takeWaiting(): readonly SpanBatch[] {
    return this.#waiting.splice(0);
  }

  /** Drops what was made before `us`; gives those batches. */
  dropBefore(us: number): readonly SpanBatch[] {
    const old = [...Array.from(this.#sent.values(), ({ batch }) => batch), ...this.#waiting];
    const dropped = old.filter(({ madeAtUs }) => madeAtUs < us);
    for (const batch of dropped) {
      if (!this.#sent.delete(batch.id)) this.#waiting.splice(this.#waiting.indexOf(batch), 1);
    }
    return dropped;
  }

  /** Drops the batch that waits longest. */
  dropOldest(): SpanBatch | undefined {
    this.takeBack();
    return this.#waiting.shift();
  }

  /** What was handed out until then and not heard of waits again; all by default. */
  takeBack(untilUs = Number.POSITIVE_INFINITY): void {
    const unheard = [...this.#sent.values()].filter(({ atUs }) => atUs <= untilUs);
    for (const { batch } of unheard) this.#sent.delete(batch.id);
    this.#waiting.unshift(...unheard.map(({ batch }) => batch));
  }
}

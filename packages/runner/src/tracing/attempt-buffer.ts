import type { Entry } from "./encode-request.ts";

/**
 * Holds the encoded spans and logs of one attempt until they are sent.
 *
 * I1. All buffers of a runner together hold at most the budget; over it this buffer drops its oldest spans first, then
 *     what is being added, and counts each.
 * I2. What was drained is the receiver's: it gives the bytes back to the budget when the server has them.
 * I3. After {@link seal} nothing is held here: what still comes is late and handed on at once.
 */
export class AttemptBuffer {
  readonly #budget: TelemetryBudget;
  readonly #receiver: TelemetryReceiver;
  #spans: Entry[] = [];
  #firstSpan = 0;
  #logs: Entry[] = [];
  #bytes = 0;
  #dropped = 0;
  #sealed = false;
  #askedToDrain = false;
  /** Drained chunks the server does not have yet; the attempt's result must wait for them. */
  unsentChunks = 0;

  constructor(budget: TelemetryBudget, receiver: TelemetryReceiver) {
    this.#budget = budget;
    this.#receiver = receiver;
  }

  /** Spans and log records dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a span that has ended. */
  addSpan(entry: Entry): void {
    if (!this.#admit(entry)) return;
    if (this.#sealed) this.#receiver.late({ spans: [entry], logs: [], bytes: entry.bytes.length });
    else {
      this.#spans.push(entry);
      this.#grown();
    }
  }

  /** Adds a log record. */
  addLog(entry: Entry): void {
    if (!this.#admit(entry)) return;
    if (this.#sealed) this.#receiver.late({ spans: [], logs: [entry], bytes: entry.bytes.length });
    else {
      this.#logs.push(entry);
      this.#grown();
    }
  }

  /** Counts a span or log record that could not be kept. */
  countDropped(): void {
    this.#dropped++;
    this.#budget.dropped++;
  }

  /** Takes all that is held; undefined when there is nothing. */
  drain(): TelemetryEntries | undefined {
    if (this.#bytes === 0) return undefined;
    const spans = this.#firstSpan === 0 ? this.#spans : this.#spans.slice(this.#firstSpan);
    const entries = { spans, logs: this.#logs, bytes: this.#bytes };
    this.#spans = [];
    this.#firstSpan = 0;
    this.#logs = [];
    this.#bytes = 0;
    this.#askedToDrain = false;
    return entries;
  }

  /** As {@link drain}, and passes on what comes later (I3). */
  seal(): TelemetryEntries | undefined {
    this.#sealed = true;
    return this.drain();
  }

  #admit(entry: Entry): boolean {
    const size = entry.bytes.length;
    while (!this.#budget.take(size)) {
      if (this.#firstSpan >= this.#spans.length) {
        this.countDropped();
        return false;
      }
      this.#dropOldest();
    }
    if (!this.#sealed) this.#bytes += size;
    return true;
  }

  #dropOldest(): void {
    const size = this.#spans[this.#firstSpan]!.bytes.length;
    this.#firstSpan++;
    // Moving the rest once per thousand keeps a long overflow from holding what it dropped.
    if (this.#firstSpan >= 1000) {
      this.#spans.splice(0, this.#firstSpan);
      this.#firstSpan = 0;
    }
    this.#bytes -= size;
    this.#budget.release(size);
    this.countDropped();
  }

  #grown(): void {
    if (this.#bytes < DRAIN_BYTES || this.#askedToDrain) return;
    this.#askedToDrain = true;
    this.#receiver.large(this);
  }
}

/** Spans and log records on their way, with the bytes they hold of the budget. */
export interface TelemetryEntries {
  spans: Entry[];
  logs: Entry[];
  bytes: number;
}

/** Who sends what buffers collect. */
export interface TelemetryReceiver {
  /** The buffer is large enough to be sent before its attempt ends. */
  large(buffer: AttemptBuffer): void;
  /** Telemetry of an attempt that was reported already. */
  late(entries: TelemetryEntries): void;
}

/** Held bytes from which a buffer is sent before its attempt ends: a request of this size is far from any limit. */
const DRAIN_BYTES = 1024 * 1024;

/** Bytes of telemetry a runner may hold in all. */
export class TelemetryBudget {
  readonly #maxBytes: number;
  #used = 0;
  /** Spans and log records dropped in all. */
  dropped = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes held. */
  get used(): number {
    return this.#used;
  }

  /** Takes bytes if they are free. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.#maxBytes) return false;
    this.#used += bytes;
    return true;
  }

  /** Gives bytes back. */
  release(bytes: number): void {
    this.#used -= bytes;
  }
}

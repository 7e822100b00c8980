import type { ProtoWriter } from "./proto-writer.ts";
import { addRecord, addRecordLast, type RecordBlock, type RecordKind, type TelemetryEntries } from "./record-block.ts";

/**
 * Holds the encoded spans and logs of one attempt until they are sent.
 *
 * I1. All buffers of a runner together, and what was drained from them, hold at most the budget. Over it the oldest
 *     spans of this attempt are dropped first, sent on or not, then the oldest of any attempt that still wait to be
 *     sent, and only then what is being added; each is counted.
 * I2. What was drained is the receiver's: it gives the bytes back to the budget when the server has them.
 * I3. After {@link seal} nothing is held here: what still comes is late and handed on at once.
 */
export class AttemptBuffer {
  readonly #budget: TelemetryBudget;
  readonly #receiver: TelemetryReceiver;
  #spans: RecordBlock[] = [];
  #logs: RecordBlock[] = [];
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

  /** Adds the span that the writer holds. */
  addSpan(kind: RecordKind, writer: ProtoWriter): void {
    this.#add("spans", kind, writer);
  }

  /** Adds the log record that the writer holds. */
  addLog(kind: RecordKind, writer: ProtoWriter): void {
    this.#add("logs", kind, writer);
  }

  /** Counts spans or log records that could not be kept. */
  countDropped(count = 1): void {
    this.#dropped += count;
    this.#budget.dropped += count;
  }

  /** Takes all that is held; undefined when there is nothing. */
  drain(): TelemetryEntries | undefined {
    if (this.#bytes === 0) return undefined;
    const entries = { spans: this.#spans, logs: this.#logs, bytes: this.#bytes };
    this.#spans = [];
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

  #add(signal: "spans" | "logs", kind: RecordKind, writer: ProtoWriter): void {
    const bytes = writer.length;
    if (!this.#makeRoom(bytes)) {
      writer.discard();
      this.countDropped();
    } else if (this.#sealed) {
      const late: TelemetryEntries = { spans: [], logs: [], bytes };
      add[signal](late[signal], kind, writer);
      this.#receiver.late(late);
    } else {
      add[signal](signal === "spans" ? this.#spans : this.#logs, kind, writer);
      this.#bytes += bytes;
      this.#askToDrain();
    }
  }

  #makeRoom(bytes: number): boolean {
    while (!this.#budget.take(bytes)) {
      const dropped =
        this.#receiver.dropOldest(this) || this.#dropOldest() || (!this.#sealed && this.#receiver.dropOldest());
      if (!dropped) return false;
    }
    return true;
  }

  #dropOldest(): boolean {
    const oldest = this.#spans.shift();
    if (!oldest) return false;
    this.#bytes -= oldest.bytes;
    this.#budget.release(oldest.bytes);
    this.countDropped(oldest.count);
    return true;
  }

  #askToDrain(): void {
    if (this.#bytes < DRAIN_BYTES || this.#askedToDrain) return;
    this.#askedToDrain = true;
    this.#receiver.large(this);
  }
}

const add = { spans: addRecord, logs: addRecordLast };

/** Who sends what buffers collect. */
export interface TelemetryReceiver {
  /** The buffer is large enough to be sent before its attempt ends. */
  large(buffer: AttemptBuffer): void;
  /** Telemetry of an attempt that was reported already. */
  late(entries: TelemetryEntries): void;
  /** Gives back some bytes of spans that wait to be sent, the oldest of a buffer or of all; false when there are none. */
  dropOldest(owner?: AttemptBuffer): boolean;
}

/** Held bytes from which a buffer is sent before its attempt ends: a request of this size is far from any limit. */
const DRAIN_BYTES = 512 * 1024;

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

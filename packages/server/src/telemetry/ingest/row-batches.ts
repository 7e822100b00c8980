import type { OtlpPayload } from "../telemetry.ts";
import {
  type BatchRows,
  type DecodeAnswers,
  type DecodeRequest,
  type DecodeSettings,
  insertedTables,
  type ReadBackOutcome,
  type Taken,
} from "./decode-messages.ts";
import { OtlpReader } from "./otlp-reader.ts";

/** When a batch is full. Inserts of 50k, 100k and 200k rows cost the same per row; smaller ones hold less memory. */
const FULL = { rows: 65_536, bytes: 32 * 1024 * 1024 };
/** An emptied reader keeps its grown arrays up to this size; those of a huge payload are given up. */
const MAX_KEPT_BYTES = 2 * FULL.bytes;
/** Buffers kept to be used again: one batch waits while another is inserted. */
const MAX_BUFFERS = 4;
/** A buffer has room for more than its batch, so that the next may use it. */
const SLACK = 1.125;

/** A request that is answered. */
type Question = Exclude<DecodeRequest, { kind: "recycle" }>;

/**
 * Decodes payloads and gathers their rows: the work of the decoding thread.
 *
 * I1. Payloads that arrive get numbers that rise by one, those refused as a whole none: as the spool numbers them.
 * I2. Rows are copied out of the columns when a batch ends, so that the columns' grown arrays serve the next.
 */
export class RowBatches {
  readonly #writer: bigint;
  readonly #fullRows: number;
  #nextSeq: number;
  #open: OtlpReader;
  /** Rows of payloads that were read from the spool. */
  #readBack: OtlpReader | undefined;
  #buffers: SharedArrayBuffer[] = [];

  /** Tests make batches full sooner. */
  constructor({ writer, nextSeq }: DecodeSettings, fullRows = FULL.rows) {
    this.#writer = writer;
    this.#fullRows = fullRows;
    this.#nextSeq = nextSeq;
    this.#open = new OtlpReader(writer);
  }

  /** Answers a request. Errors: as `OtlpReader.read`, for payloads that arrive. */
  answer(request: Question): DecodeAnswers[keyof DecodeAnswers] {
    switch (request.kind) {
      case "take":
        return this.#take(request);
      case "seal":
        return this.#seal();
      case "drop":
        this.#open = this.#emptied(this.#open);
        return undefined;
      case "readBack":
        return this.#takeBack(request);
      case "sealReadBack":
        return this.#sealReadBack();
    }
  }

  /** Takes memory back. */
  recycle(buffers: readonly SharedArrayBuffer[]): void {
    this.#buffers = [...this.#buffers, ...buffers].slice(-MAX_BUFFERS);
  }

  #take({ payloads, days, nowUs }: Question & { kind: "take" }): Taken {
    const reader = this.#open;
    const before = { spans: reader.spans.rows, logs: reader.logs.rows };
    reader.keepOnly(days, nowUs);
    const taken: Taken = { acceptedSpans: 0, acceptedLogs: 0, rejectedSpans: 0, rejectedLogs: 0, message: "" };
    try {
      for (const [i, payload] of payloads.entries()) takeOne(reader, payload, this.#nextSeq + i, taken);
    } catch (error) {
      reader.truncate(before);
      throw error;
    }
    this.#nextSeq += payloads.length;
    return this.#isFull(reader) ? { ...taken, full: this.#seal() } : taken;
  }

  /** Whether rows are enough to be worth an insert of their own. */
  #isFull(reader: OtlpReader): boolean {
    return reader.rows >= this.#fullRows || reader.byteSize() >= FULL.bytes;
  }

  #seal(): BatchRows {
    const rows = this.#copy(this.#open);
    this.#open = this.#emptied(this.#open);
    return rows;
  }

  #takeBack({ payloads, firstSeq }: Question & { kind: "readBack" }): ReadBackOutcome {
    this.#readBack ??= new OtlpReader(this.#writer);
    const reader = this.#readBack;
    const damaged: { seq: number; message: string }[] = [];
    let taken = 0;
    for (const payload of payloads) {
      if (this.#isFull(reader)) break;
      const seq = firstSeq + taken++;
      try {
        reader.read(payload, seq);
      } catch (error) {
        // What was accepted decodes; what does not was accepted by a laxer program and must not block the rest.
        damaged.push({ seq, message: error instanceof Error ? error.message : String(error) });
      }
    }
    return { taken, isFull: this.#isFull(reader), damaged };
  }

  /** These are rare: nothing is kept for the next. */
  #sealReadBack(): BatchRows {
    const rows = this.#copy(this.#readBack ?? new OtlpReader(this.#writer));
    this.#readBack = undefined;
    return rows;
  }

  /** A reader without rows: this one, unless its arrays have grown too large to be kept. */
  #emptied(reader: OtlpReader): OtlpReader {
    if (reader.byteSize() > MAX_KEPT_BYTES) return new OtlpReader(this.#writer);
    reader.truncate({ spans: 0, logs: 0 });
    return reader;
  }

  #copy(reader: OtlpReader): BatchRows {
    const rows = { inserts: [] as BatchRows["inserts"][number][], buffers: [] as SharedArrayBuffer[], bytes: 0 };
    for (const table of insertedTables) {
      const { rows: count } = reader[table];
      if (count === 0) continue;
      const parts = reader[table].finish();
      const size = parts.reduce((sum, part) => sum + part.length, 0);
      const buffer = this.#buffer(size);
      putEndToEnd(new Uint8Array(buffer), parts);
      rows.inserts.push({ table, ipc: [new Uint8Array(buffer, 0, size)], rows: count });
      rows.buffers.push(buffer);
      rows.bytes += buffer.byteLength;
    }
    return rows;
  }

  /** The smallest kept buffer with room, or a new one. */
  #buffer(size: number): SharedArrayBuffer {
    const fitting = this.#buffers
      .filter(({ byteLength }) => byteLength >= size && byteLength <= Math.max(4 * size, MAX_SMALL_BYTES))
      .sort((a, b) => a.byteLength - b.byteLength)[0];
    if (!fitting) return new SharedArrayBuffer(Math.ceil(size * SLACK));
    this.#buffers = this.#buffers.filter((buffer) => buffer !== fitting);
    return fitting;
  }
}

/** A batch may lie in a buffer much larger than itself if that is not large. */
const MAX_SMALL_BYTES = 256 * 1024;

function takeOne(reader: OtlpReader, payload: OtlpPayload, seq: number, taken: Taken): void {
  const { accepted, rejected, message } = reader.read(payload, seq);
  if (payload.signal === "traces") {
    taken.acceptedSpans += accepted;
    taken.rejectedSpans += rejected;
  } else {
    taken.acceptedLogs += accepted;
    taken.rejectedLogs += rejected;
  }
  taken.message ||= message;
}

function putEndToEnd(to: Uint8Array, parts: readonly Uint8Array[]): void {
  let at = 0;
  for (const part of parts) {
    to.set(part, at);
    at += part.length;
  }
}

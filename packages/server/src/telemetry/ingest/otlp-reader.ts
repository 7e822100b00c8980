import { type LogColumns, logColumns, RowBuilder, type SpanColumns, spanColumns } from "../columns/span-columns.ts";
import type { OtlpPayload } from "../telemetry.ts";
import { Envelope, type ReadOutcome, readEnvelopes } from "./envelope-reader.ts";
import { LogReader } from "./log-reader.ts";
import { SpanReader } from "./span-reader.ts";
import { WireReader } from "./wire-reader.ts";

/**
 * Decodes OTLP payloads straight into columns: bytes in, rows out, no object per span or attribute.
 *
 * I1. A payload is taken whole or not at all: when its bytes are malformed its rows are forgotten again.
 * I2. A record that is wrong in itself is refused by itself and counted.
 * I3. Row n of payload `seq` has the id `seq * 2^24 + n`, whatever was refused, so that decoding the same payload
 *     again gives the same rows the same ids.
 */
export class OtlpReader {
  readonly spans: RowBuilder<SpanColumns> = new RowBuilder(spanColumns());
  readonly logs: RowBuilder<LogColumns> = new RowBuilder(logColumns());
  readonly #envelope = new Envelope();
  readonly #spanReader = new SpanReader(this.spans, this.#envelope);
  readonly #logReader: LogReader;

  /** `writer` names the spool that numbers the payloads; 0 where there is one alone. */
  constructor(writer = 0n) {
    this.#logReader = new LogReader(this.logs, this.#envelope, writer);
  }

  /** Refuses from now on records that are older than `days` before `nowUs`. A new reader takes any. */
  keepOnly(days: number, nowUs: number): void {
    this.#envelope.retention.set(days, nowUs);
  }

  /** Rows of both tables. */
  get rows(): number {
    return this.spans.rows + this.logs.rows;
  }

  /** Bytes the rows take. */
  byteSize(): number {
    return this.spans.byteSize() + this.logs.byteSize();
  }

  /** Forgets rows beyond these counts. */
  truncate(to: { spans: number; logs: number }): void {
    this.spans.truncate(to.spans);
    this.logs.truncate(to.logs);
  }

  /**
   * Reads a payload of either signal.
   *
   * Errors: INVALID_FIELD naming the offset; LIMIT_EXCEEDED when it would take far more memory than it has bytes.
   */
  read(payload: OtlpPayload, seq: number): ReadOutcome {
    return payload.signal === "traces" ? this.readTraces(payload.bytes, seq) : this.readLogs(payload.bytes, seq);
  }

  /** Reads an ExportTraceServiceRequest. Errors: as `read`. */
  readTraces(bytes: Uint8Array, seq: number): ReadOutcome {
    return readAll({
      bytes,
      seq,
      rows: this.spans,
      envelope: this.#envelope,
      reader: this.#spanReader,
      what: "traces",
    });
  }

  /** Reads an ExportLogsServiceRequest. Errors: as `read`. */
  readLogs(bytes: Uint8Array, seq: number): ReadOutcome {
    const reader = this.#logReader;
    return readAll({ bytes, seq, rows: this.logs, envelope: this.#envelope, reader, what: "logs" });
  }
}

interface Reading {
  bytes: Uint8Array;
  seq: number;
  rows: RowBuilder<SpanColumns> | RowBuilder<LogColumns>;
  envelope: Envelope;
  reader: Pick<SpanReader | LogReader, "read">;
  what: string;
}

function readAll({ bytes, seq, rows, envelope, reader, what }: Reading): ReadOutcome {
  const r = new WireReader(bytes, what);
  const before = rows.rows;
  const outcome: ReadOutcome = { accepted: 0, rejected: 0, message: "" };
  const id = { low: 0, high: 0 };
  try {
    readEnvelopes(r, envelope, {
      read(_, end) {
        const index = outcome.accepted + outcome.rejected;
        // 24 bits are more than a payload may have records.
        id.low = (((seq % 256) << 24) | index) >>> 0;
        id.high = Math.floor(seq / 256);
        reader.read(r, end, outcome, id);
      },
      closeScope: () => envelope.closeScope(rows.columns, rows.rows),
    });
    const invalid = rows.invalidText(before);
    if (invalid !== undefined) throw r.malformed(`text that is not UTF-8 in ${invalid}`, 0);
  } catch (error) {
    rows.truncate(before);
    throw error;
  }
  return outcome;
}

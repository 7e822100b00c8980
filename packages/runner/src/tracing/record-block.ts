import type { ProtoWriter } from "./proto-writer.ts";

/** What spans or log records of one origin share: their resource and scope, already encoded. */
export interface Origin {
  /** Resource fields: `Resource resource = 1` of ResourceSpans or ResourceLogs. */
  readonly resource: Uint8Array;
  /** Scope fields: `InstrumentationScope scope = 1` of ScopeSpans or ScopeLogs, and `schema_url = 3`. */
  readonly scope: Uint8Array;
}

/** What records in one block have in common. */
export interface RecordKind {
  readonly origin: Origin;
  /** Fields that every one of them ends with. */
  readonly suffix: RecordSuffix;
}

/** Fields that all spans, or all log records, of an attempt end with. */
export interface RecordSuffix {
  /** About how many bytes they take. */
  readonly length: number;
  /** Writes them; the same bytes each time. */
  writeTo(writer: ProtoWriter): void;
}

/** No fields. */
export const noSuffix: RecordSuffix = { length: 0, writeTo: () => undefined };

/**
 * Encoded spans or log records of one kind, one after the other in one buffer.
 *
 * A span of an attempt is some 100 bytes of its own and 400 that all spans of the attempt share, so these are written
 * when a request is made; an array of its own would cost each another 300.
 */
export class RecordBlock {
  readonly kind: RecordKind;
  #bytes: Buffer;
  readonly #ends: number[] = [];
  #length = 0;

  constructor(kind: RecordKind, firstBytes: number) {
    this.kind = kind;
    this.#bytes = Buffer.allocUnsafe(firstBytes);
  }

  /** Records held. */
  get count(): number {
    return this.#ends.length;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#length;
  }

  /** About the bytes it takes in a request. */
  get requestBytes(): number {
    return this.#length + this.count * (this.kind.suffix.length + HEADER_BYTES);
  }

  /** Whether a record of so many bytes belongs and fits here. */
  takes({ origin, suffix }: RecordKind, bytes: number): boolean {
    return this.kind.origin === origin && this.kind.suffix === suffix && this.#length + bytes <= MAX_BYTES;
  }

  /** Moves what was written to the end. */
  add(writer: ProtoWriter): void {
    const end = this.#length + writer.length;
    if (end > this.#bytes.length) this.#grow(end);
    writer.moveTo(this.#bytes, this.#length);
    this.#length = end;
    this.#ends.push(end);
  }

  /** Writes every record as field 2: `spans` of ScopeSpans, `log_records` of ScopeLogs. */
  writeTo(writer: ProtoWriter): void {
    const part = { source: this.#bytes, start: 0, end: 0 };
    let suffixBytes = -1;
    for (const end of this.#ends) {
      part.end = end;
      if (suffixBytes < 0) {
        const mark = writer.begin(2);
        writer.part(part);
        const before = writer.length;
        this.kind.suffix.writeTo(writer);
        suffixBytes = writer.length - before;
        writer.end(mark);
      } else writer.messageEndingAlike(2, part, suffixBytes);
      part.start = end;
    }
  }

  /** Two blocks with a half of the records each; undefined when there is only one. */
  halves(): [RecordBlock, RecordBlock] | undefined {
    if (this.count < 2) return undefined;
    const half = this.count >> 1;
    return [this.#part(0, half), this.#part(half, this.count)];
  }

  #part(from: number, to: number): RecordBlock {
    const start = from === 0 ? 0 : this.#ends[from - 1]!;
    const end = this.#ends[to - 1]!;
    const part = new RecordBlock(this.kind, end - start);
    part.#length = this.#bytes.copy(part.#bytes, 0, start, end);
    for (const at of this.#ends.slice(from, to)) part.#ends.push(at - start);
    return part;
  }

  #grow(bytes: number): void {
    const grown = Buffer.allocUnsafe(Math.max(bytes, Math.min(this.#bytes.length * 2, MAX_BYTES)));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/** Size of a full block, and so of the step in which the oldest are dropped: a 2,000th of the default limit. */
const MAX_BYTES = 64 * 1024;

/** Tag and length of a record. */
const HEADER_BYTES = 4;

/** Spans and log records on their way, with the bytes they hold of the budget. */
export interface TelemetryEntries {
  spans: RecordBlock[];
  logs: RecordBlock[];
  bytes: number;
}

/** Adds a record to the newest block that takes it, or to a new one. */
export function addRecord(blocks: RecordBlock[], kind: RecordKind, writer: ProtoWriter): void {
  addToNewest(blocks, OPEN_BLOCKS, { kind, writer });
}

/** Adds a record after all others: log records of one time are told apart by nothing but their order. */
export function addRecordLast(blocks: RecordBlock[], kind: RecordKind, writer: ProtoWriter): void {
  addToNewest(blocks, 1, { kind, writer });
}

function addToNewest(
  blocks: RecordBlock[],
  openBlocks: number,
  { kind, writer }: { kind: RecordKind; writer: ProtoWriter },
): void {
  const oldest = Math.max(0, blocks.length - openBlocks);
  for (let at = blocks.length - 1; at >= oldest; at--) {
    const block = blocks[at]!;
    if (block.takes(kind, writer.length)) {
      block.add(writer);
      return;
    }
  }
  const block = new RecordBlock(kind, writer.length);
  block.add(writer);
  blocks.push(block);
}

/** Blocks looked at: spans of a few libraries mostly come by turns. */
const OPEN_BLOCKS = 8;

/** Records in blocks. */
export function countRecords(blocks: readonly RecordBlock[]): number {
  return blocks.reduce((sum, { count }) => sum + count, 0);
}

/** About the bytes that entries take in a request. */
export function requestBytesOf({ spans, logs }: TelemetryEntries): number {
  const add = (sum: number, block: RecordBlock): number => sum + block.requestBytes;
  return logs.reduce(add, spans.reduce(add, 0));
}

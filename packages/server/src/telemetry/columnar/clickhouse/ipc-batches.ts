import { parseError } from "@clickhouse/client";
import { Message, MessageHeader } from "apache-arrow";
import type { ArrowBatch } from "../span-store.ts";

/** What begins a message; its metadata's length follows. */
const CONTINUATION = 0xffffffff;
const PREFIX_BYTES = 8;
/** The end of a stream. */
const END = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);
/** No message of ours is larger: a block has at most some 65,000 rows. */
const MAX_MESSAGE_BYTES = 1024 ** 3;
/** An error's text at the end of an answer is shorter. */
const MAX_ERROR_BYTES = 256 * 1024;

/**
 * Cuts one Arrow IPC stream, as ClickHouse sends it over HTTP, into whole streams of one record batch each.
 *
 * Bytes are handed on as they came: schema, the dictionaries in force, the batch, the end. Nothing is decoded but the
 * metadata of messages. A stream without batches gives one batch of zero rows.
 *
 * Errors: whatever `chunks` throws; ClickHouse's own when the answer turns into one on the way; an Error when the stream
 * breaks off or is not Arrow.
 */
export async function* ipcBatches(chunks: AsyncIterable<Uint8Array>): AsyncIterable<ArrowBatch> {
  let schema: Uint8Array | undefined;
  let batches = 0;
  const dictionaries = new Map<string, Uint8Array[]>();
  for await (const { header, bytes } of messages(chunks)) {
    if (header.headerType === MessageHeader.Schema) schema = bytes;
    else if (header.headerType === MessageHeader.DictionaryBatch) keepDictionary(dictionaries, header, bytes);
    else if (header.isRecordBatch()) {
      batches++;
      yield whole([schema!, ...[...dictionaries.values()].flat(), bytes], Number(header.header().length));
    }
  }
  if (schema === undefined) throw new Error("the answer is not an Arrow stream");
  if (batches === 0) yield whole([schema], 0);
}

function keepDictionary(dictionaries: Map<string, Uint8Array[]>, message: Message, bytes: Uint8Array): void {
  const { id, isDelta } = (message as Message<MessageHeader.DictionaryBatch>).header();
  const key = String(id);
  dictionaries.set(key, isDelta ? [...(dictionaries.get(key) ?? []), bytes] : [bytes]);
}

function whole(parts: readonly Uint8Array[], rows: number): ArrowBatch {
  return { ipc: Buffer.concat([...parts, END]), rows };
}

/** Messages with their bytes, prefix and body included. */
async function* messages(chunks: AsyncIterable<Uint8Array>): AsyncIterable<{ header: Message; bytes: Uint8Array }> {
  const input = new Input(chunks);
  for (;;) {
    const prefix = await input.peek(PREFIX_BYTES);
    if (prefix === undefined) throw await failureOf(input, "the answer broke off");
    const view = new DataView(prefix.buffer, prefix.byteOffset, PREFIX_BYTES);
    const length = view.getInt32(4, true);
    if (view.getUint32(0, true) !== CONTINUATION || length < 0 || length > MAX_MESSAGE_BYTES) {
      throw await failureOf(input, "the answer is not an Arrow stream");
    }
    if (length === 0) {
      // Read to its end, so that the connection serves the next query.
      await input.drain();
      return;
    }
    const metadata = await input.peek(PREFIX_BYTES + length);
    if (metadata === undefined) throw await failureOf(input, "the answer broke off");
    const header = Message.decode(metadata.subarray(PREFIX_BYTES));
    const bytes = await input.take(PREFIX_BYTES + length + header.bodyLength);
    if (bytes === undefined) throw await failureOf(input, "the answer broke off");
    yield { header, bytes };
  }
}

/** The error ClickHouse wrote where rows were to come; else one that says `otherwise`. */
async function failureOf(input: Input, otherwise: string): Promise<Error> {
  const text = (await input.rest(MAX_ERROR_BYTES)).toString("latin1");
  const at = text.search(/Code: \d+\. DB::/);
  return at < 0 ? new Error(otherwise) : parseError(Buffer.from(text.slice(at), "latin1").toString());
}

/** Bytes to be looked at and taken. */
class Input {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array[] = [];
  #bytes = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next `count` bytes, which stay; undefined when there are fewer. */
  async peek(count: number): Promise<Uint8Array | undefined> {
    while (this.#bytes < count) {
      const { done, value } = await this.#chunks.next();
      if (done) return undefined;
      this.#held.push(value);
      this.#bytes += value.length;
    }
    if (this.#held[0]!.length < count) this.#held = [Buffer.concat(this.#held)];
    return this.#held[0]!.subarray(0, count);
  }

  /** The next `count` bytes. */
  async take(count: number): Promise<Uint8Array | undefined> {
    const taken = await this.peek(count);
    if (taken === undefined) return undefined;
    const rest = this.#held[0]!.subarray(count);
    if (rest.length > 0) this.#held[0] = rest;
    else this.#held.shift();
    this.#bytes -= count;
    return taken;
  }

  /** What is left, its last `limit` bytes at most; a connection that fails meanwhile has no more to say. */
  async rest(limit: number): Promise<Buffer> {
    try {
      for (let next = await this.#chunks.next(); !next.done; next = await this.#chunks.next()) {
        this.#held = [Buffer.concat([...this.#held, next.value]).subarray(-limit)];
      }
    } catch {
      // the caller knows that the answer is broken
    }
    return Buffer.concat(this.#held).subarray(-limit);
  }

  /** Reads to the end. */
  async drain(): Promise<void> {
    while (!(await this.#chunks.next()).done);
  }
}

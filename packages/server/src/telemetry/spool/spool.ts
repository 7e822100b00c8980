import { SpanloomError } from "@spanloom/protocol";
import type { SelfTracer, WorkSpan } from "../../self-tracing/self-tracer.ts";
import type { OtlpPayload } from "../telemetry.ts";
import { FRAME_BYTES, firstSeqOf, frameOf, readSegment, segmentName } from "./segment.ts";
import { nodeSpoolFileSystem, type SpoolFile, type SpoolFileSystem } from "./spool-file.ts";

/** Size of a segment: small enough that space comes back soon, large enough that files are few. */
const SEGMENT_BYTES = 32 * 1024 * 1024;

/** Where and how large a spool is. */
export interface SpoolOptions {
  folder: string;
  /** Most bytes of payloads not yet released. */
  maxBytes: number;
  log: (line: string) => void;
  /** Hears how many bytes were cut off a file at open. */
  onTorn?: (bytes: number) => void;
  fileSystem?: SpoolFileSystem;
  segmentBytes?: number;
  /** Traces what is written. */
  tracer?: SelfTracer | undefined;
}

/** A payload and its number. Numbers rise by one and are never used twice. */
export interface SpooledPayload extends OtlpPayload {
  seq: number;
}

interface Segment {
  name: string;
  firstSeq: number;
  /** Number after its last payload. */
  nextSeq: number;
  bytes: number;
}

interface Append {
  payloads: readonly OtlpPayload[];
  bytes: number;
  firstSeq: number;
  caller: WorkSpan | undefined;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Payloads on disk between their arrival and the telemetry store.
 *
 * I1. When `append` resolves the payloads are durable, in order, under the numbers it was given.
 * I2. Appends that arrive while a sync runs share the next one: many payloads, one fdatasync.
 * I3. A torn or damaged end of a segment is cut at open; every sound payload before it is replayed.
 * I4. A failed append leaves no trace: the segment is cut back to where it began.
 * I5. A segment is deleted once all its payloads are released; the last one stays, so that numbers go on.
 */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #fileSystem: SpoolFileSystem;
  readonly #segmentBytes: number;
  #segments: Segment[] = [];
  #active: { file: SpoolFile; segment: Segment } | undefined;
  #nextSeq = 1;
  #settledSeq = 1;
  #releasedSeq = 0;
  #bytes = 0;
  #queue: Append[] = [];
  #writing: Promise<void> | undefined;
  #broken: unknown;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#fileSystem = options.fileSystem ?? nodeSpoolFileSystem;
    this.#segmentBytes = Math.min(options.segmentBytes ?? SEGMENT_BYTES, Math.ceil(options.maxBytes / 4));
  }

  /** Number of the next payload. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Number below which every payload is durable or was refused: what `read` gives of them is all there will be. */
  get settledSeq(): number {
    return this.#settledSeq;
  }

  /** Bytes held, what is being written included. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Opens the folder and cuts torn ends. Call before anything else.
   *
   * Errors: INVALID_STATE when the folder cannot be read or written.
   */
  async open(minSeq = 1): Promise<void> {
    const { folder } = this.#options;
    try {
      await this.#fileSystem.prepare(folder);
      const names = (await this.#fileSystem.list(folder)).filter((name) => firstSeqOf(name) !== undefined).sort();
      for (const name of names) await this.#openSegment(name);
      const last = this.#segments.at(-1);
      this.#nextSeq = this.#settledSeq = Math.max(minSeq, last?.nextSeq ?? 1);
      this.#releasedSeq = (this.#segments[0]?.firstSeq ?? this.#nextSeq) - 1;
      await this.#startSegment();
    } catch (error) {
      if (error instanceof SpanloomError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new SpanloomError("INVALID_STATE", `cannot open the spool in "${folder}": ${why}`, {}, { cause: error });
    }
  }

  async #openSegment(name: string): Promise<void> {
    const { folder, log, onTorn } = this.#options;
    const bytes = await this.#fileSystem.read(folder, name);
    const { payloads, soundBytes } = readSegment(bytes);
    const firstSeq = firstSeqOf(name)!;
    if (soundBytes < bytes.length) {
      onTorn?.(bytes.length - soundBytes);
      log(
        `spool: cut ${bytes.length - soundBytes} torn or damaged bytes off "${name}" after ${payloads.length} payloads`,
      );
      const file = await this.#fileSystem.append(folder, name);
      await file.truncate(soundBytes);
      await file.sync();
      await file.close();
    }
    this.#bytes += soundBytes;
    this.#segments.push({ name, firstSeq, nextSeq: firstSeq + payloads.length, bytes: soundBytes });
  }

  /**
   * Takes numbers for payloads and makes them durable, in the room that `reserve` took for them.
   *
   * `firstSeq` is set at once, before the disk answers. Errors: OVERLOADED when the spool or the disk is full.
   */
  append(
    payloads: readonly OtlpPayload[],
    bytes = this.reserve(payloads),
  ): { firstSeq: number; durable: Promise<void> } {
    const firstSeq = this.#nextSeq;
    this.#nextSeq += payloads.length;
    const durable = new Promise<void>((resolve, reject) => {
      const caller = this.#options.tracer?.current();
      this.#queue.push({ payloads, bytes, firstSeq, caller, resolve, reject });
    });
    this.#writing ??= this.#write();
    return { firstSeq, durable };
  }

  /** Takes room for payloads before it is known that they are sound, and gives its bytes. Errors: OVERLOADED. */
  reserve(payloads: readonly OtlpPayload[]): number {
    const bytes = payloads.reduce((sum, payload) => sum + FRAME_BYTES + payload.bytes.length, 0);
    const { maxBytes } = this.#options;
    if (this.#bytes + bytes <= maxBytes) {
      this.#bytes += bytes;
      return bytes;
    }
    const message = `cannot spool ${bytes} bytes of telemetry: ${this.#bytes} of at most ${maxBytes} bytes wait for the store`;
    throw new SpanloomError("OVERLOADED", message, {
      limit: maxBytes,
      actual: this.#bytes + bytes,
      retryAfterMs: 1000,
    });
  }

  /** Gives back room that was reserved and is not used. */
  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** The one writer: everything that touches the open segment happens here, in turn. */
  async #write(): Promise<void> {
    // Let what arrives in this turn of the event loop share the sync.
    await Promise.resolve();
    while (this.#queue.length > 0 || this.#isDrained()) {
      const appends = this.#queue.splice(0);
      try {
        await this.#prepareSegment(appends[0]?.firstSeq ?? this.#nextSeq);
        if (appends.length > 0) await this.#writeTraced(appends);
        this.#settle(appends);
        for (const append of appends) append.resolve();
      } catch (error) {
        this.#settle(appends);
        this.#fail(appends, error);
        if (appends.length === 0) break;
      }
    }
    this.#writing = undefined;
  }

  /** Sees to it that the next payload, `firstSeq`, goes to a sound segment with room, where it is next. */
  async #prepareSegment(firstSeq: number): Promise<void> {
    if (this.#broken !== undefined) await this.#repair();
    const { segment } = this.#active!;
    if (segment.bytes >= this.#segmentBytes || segment.nextSeq !== firstSeq || this.#isDrained()) {
      await this.#startSegment(firstSeq);
    }
  }

  /** Whether the open segment holds a good deal and nothing of it is needed: time to give its space back. */
  #isDrained(): boolean {
    const segment = this.#active?.segment;
    return segment !== undefined && segment.nextSeq <= this.#releasedSeq + 1 && segment.bytes >= this.#segmentBytes / 8;
  }

  async #writeTraced(appends: readonly Append[]): Promise<void> {
    const { tracer } = this.#options;
    if (!tracer) return this.#writeGroup(appends);
    const callers = appends.map(({ caller }) => caller);
    const span = tracer.shared("spool.flush", callers);
    try {
      await this.#writeGroup(appends);
    } catch (error) {
      span.fail(error);
      throw error;
    } finally {
      const bytes = appends.reduce((sum, append) => sum + append.bytes, 0);
      span.end({ "spanloom.spool.appends": appends.length, "spanloom.spool.bytes": bytes });
    }
  }

  async #writeGroup(appends: readonly Append[]): Promise<void> {
    const { file, segment } = this.#active!;
    const parts = appends.flatMap(({ payloads }) => payloads.flatMap((payload) => [frameOf(payload), payload.bytes]));
    try {
      await file.write(parts);
      await file.sync();
    } catch (error) {
      this.#broken = error;
      await this.#repair().catch(() => undefined); // tried again before the next write; the error below is what counts
      throw error;
    }
    segment.bytes += appends.reduce((sum, { bytes }) => sum + bytes, 0);
    const last = appends.at(-1)!;
    segment.nextSeq = last.firstSeq + last.payloads.length;
  }

  /** Cuts what a failed write left behind (I4). */
  async #repair(): Promise<void> {
    const { file, segment } = this.#active!;
    await file.truncate(segment.bytes);
    this.#broken = undefined;
  }

  #settle(appends: readonly Append[]): void {
    const last = appends.at(-1);
    if (last) this.#settledSeq = last.firstSeq + last.payloads.length;
  }

  #fail(appends: readonly Append[], error: unknown): void {
    const full = ["ENOSPC", "EDQUOT", "EFBIG"].includes((error as NodeJS.ErrnoException).code ?? "");
    const why = full ? "the disk is full" : messageOf(error);
    for (const append of appends) {
      this.#bytes -= append.bytes;
      append.reject(
        new SpanloomError("OVERLOADED", `cannot spool telemetry: ${why}`, { retryAfterMs: 1000 }, { cause: error }),
      );
    }
  }

  async #startSegment(firstSeq = this.#nextSeq): Promise<void> {
    await this.#active?.file.close();
    const name = segmentName(firstSeq);
    const known = this.#segments.find((segment) => segment.name === name);
    const segment = known ?? { name, firstSeq, nextSeq: firstSeq, bytes: 0 };
    const file = await this.#fileSystem.append(this.#options.folder, name);
    if (!known) this.#segments.push(segment);
    this.#active = { file, segment };
    await this.#removeReleased();
  }

  /** Payloads from `seq` on, in order, read back from disk: at most what one segment holds; empty at the end. */
  async read(seq: number): Promise<SpooledPayload[]> {
    // A segment whose writes all failed is empty and stands before those that hold what was taken later.
    const segment = this.#segments.find((each) => seq < each.nextSeq && each.firstSeq < each.nextSeq);
    if (!segment) return [];
    const { payloads } = readSegment(await this.#fileSystem.read(this.#options.folder, segment.name));
    const skip = Math.max(0, seq - segment.firstSeq);
    return payloads
      .slice(skip, segment.nextSeq - segment.firstSeq)
      .map((payload, i) => ({ ...payload, seq: segment.firstSeq + skip + i }));
  }

  /** Number of the first payload not released. */
  get firstSeq(): number {
    return this.#releasedSeq + 1;
  }

  /** Lets go of payloads up to and including `seq`: their rows are in the store. */
  async release(seq: number): Promise<void> {
    if (seq <= this.#releasedSeq) return;
    this.#releasedSeq = seq;
    await this.#removeReleased();
    if (this.#isDrained()) this.#writing ??= this.#write();
  }

  /** Takes released segments out of the list at once, as two callers may be here, and deletes their files then. */
  async #removeReleased(): Promise<void> {
    const isReleased = (segment: Segment) =>
      segment !== this.#active?.segment && segment.nextSeq <= this.#releasedSeq + 1;
    const released = this.#segments.filter(isReleased);
    this.#segments = this.#segments.filter((segment) => !released.includes(segment));
    const { folder, log } = this.#options;
    for (const { name, bytes } of released) {
      this.#bytes -= bytes;
      try {
        await this.#fileSystem.remove(folder, name);
      } catch (error) {
        // Its rows are stored; a file left behind is read again at the next start and found to be stored.
        log(`spool: cannot delete "${name}": ${messageOf(error)}`);
      }
    }
  }

  /** Finishes what was appended and closes. Safe to call twice. */
  async close(): Promise<void> {
    await this.#writing;
    const active = this.#active;
    if (!active) return;
    // What was refused must not be replayed by the next start, if the disk lets it be cut.
    if (this.#broken !== undefined) await this.#repair().catch(() => undefined);
    // Released payloads need not be replayed by the next start.
    if (active.segment.bytes > 0 && active.segment.nextSeq <= this.#releasedSeq + 1) await this.#startSegment();
    await this.#active?.file.close();
    this.#active = undefined;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

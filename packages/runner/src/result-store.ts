import type { TaskResult, Telemetry } from "@spanloom/protocol";
import type { Attempt } from "./attempt.ts";
import type { AttemptBuffer, TelemetryBudget, TelemetryEntries, TelemetryReceiver } from "./tracing/attempt-buffer.ts";
import { type Entry, encodeRequest } from "./tracing/encode-request.ts";

/** What goes into one request. It stays as it is until the server has acknowledged it. */
export interface ReportBatch {
  /** Finished attempts, as the server must acknowledge them. */
  readonly results: readonly TaskResult[];
  /** Their telemetry, and chunks of others. */
  readonly telemetry: Pick<Telemetry, "traces" | "logs"> | undefined;
}

interface Finished {
  attempt: Attempt;
  result: TaskResult;
  telemetry: TelemetryEntries | undefined;
  bytes: number;
}

interface Chunk {
  entries: TelemetryEntries;
  owner: AttemptBuffer | undefined;
}

interface Sent {
  finished: Finished[];
  chunks: Chunk[];
  telemetryBytes: number;
  resultBytes: number;
}

/** What a result store takes. */
export interface ResultStoreOptions {
  /** Bytes of results from which {@link ResultStore.full} holds. */
  maxResultBytes: number;
  /** Where telemetry bytes are given back. */
  budget: TelemetryBudget;
  /** Told when there is something to send. */
  ready(): void;
  /** Told when the server has the result of an attempt. */
  acknowledged?(attempt: Attempt): void;
  /** Shown all telemetry once, when it comes in. */
  collected(entries: TelemetryEntries): void;
}

/**
 * Finished results and their telemetry, until the server has them.
 *
 * I1. A result leaves only by {@link acknowledge}: a server that is away for minutes loses none.
 * I2. A result is in a batch only when all telemetry of its attempt is in that batch or was acknowledged before, so the
 *     server has the spans before it has the result (P2).
 * I3. Nothing is refused: when `full`, it is the caller who stops leasing.
 */
export class ResultStore implements TelemetryReceiver {
  readonly #options: ResultStoreOptions;
  readonly #ready: Finished[] = [];
  readonly #chunks: Chunk[] = [];
  readonly #waiting = new Map<AttemptBuffer, Finished>();
  readonly #sent = new Map<ReportBatch, Sent>();
  readonly #unacknowledged = new Set<Attempt>();
  #resultBytes = 0;
  #idle: (() => void)[] = [];

  constructor(options: ResultStoreOptions) {
    this.#options = options;
  }

  /** Whether results should be sent before more work is taken on. */
  get full(): boolean {
    return this.#resultBytes >= this.#options.maxResultBytes;
  }

  /** Attempts whose results the server may not have: their leases must be kept. */
  get unacknowledged(): ReadonlySet<Attempt> {
    return this.#unacknowledged;
  }

  /** Whether nothing is left to send or to be acknowledged. */
  get empty(): boolean {
    return this.#unacknowledged.size === 0 && this.#chunks.length === 0 && this.#sent.size === 0;
  }

  /** Whether there is something to send. */
  get pending(): boolean {
    return this.#ready.length > 0 || this.#chunks.length > 0;
  }

  /** Takes the result of an attempt, with the last of its telemetry. */
  add(attempt: Attempt, result: TaskResult, telemetry: TelemetryEntries | undefined): void {
    if (telemetry) this.#options.collected(telemetry);
    const bytes = sizeOf(result);
    const finished: Finished = { attempt, result, telemetry, bytes };
    this.#unacknowledged.add(attempt);
    this.#resultBytes += bytes;
    const buffer = attempt.tracing.bufferIfUsed;
    if (telemetry && telemetry.bytes > MAX_BATCH_BYTES) {
      finished.telemetry = undefined;
      this.#addChunks(telemetry, buffer);
    }
    if (buffer && buffer.unsentChunks > 0) this.#waiting.set(buffer, finished);
    else this.#ready.push(finished);
    this.#options.ready();
  }

  large(buffer: AttemptBuffer): void {
    const entries = buffer.drain();
    if (!entries) return;
    this.#options.collected(entries);
    this.#addChunks(entries, buffer);
    this.#options.ready();
  }

  late(entries: TelemetryEntries): void {
    this.#options.collected(entries);
    // Late spans often come one by one; one chunk for all of them makes one request.
    const last = this.#chunks.at(-1);
    if (last && !last.owner && last.entries.bytes < MAX_BATCH_BYTES / 2) append(last.entries, entries);
    else this.#chunks.push({ entries, owner: undefined });
    this.#options.ready();
  }

  /** The next batch: at most 1,000 results and about 4 MiB; undefined when there is nothing to send. */
  take(): ReportBatch | undefined {
    const sent: Sent = { finished: [], chunks: [], telemetryBytes: 0, resultBytes: 0 };
    const fits = (bytes: number): boolean =>
      sent.telemetryBytes + sent.resultBytes === 0 || sent.telemetryBytes + sent.resultBytes + bytes <= MAX_BATCH_BYTES;
    let chunks = 0;
    while (chunks < this.#chunks.length && fits(this.#chunks[chunks]!.entries.bytes))
      sent.telemetryBytes += this.#chunks[chunks++]!.entries.bytes;
    sent.chunks = this.#chunks.splice(0, chunks);
    let results = 0;
    while (results < Math.min(this.#ready.length, MAX_RESULTS)) {
      const { bytes, telemetry } = this.#ready[results]!;
      if (!fits(bytes + (telemetry?.bytes ?? 0))) break;
      sent.resultBytes += bytes;
      sent.telemetryBytes += telemetry?.bytes ?? 0;
      results++;
    }
    sent.finished = this.#ready.splice(0, results);
    if (sent.finished.length === 0 && sent.chunks.length === 0) return undefined;
    const batch = { results: sent.finished.map(({ result }) => result), telemetry: encodeTelemetry(sent) };
    this.#sent.set(batch, sent);
    return batch;
  }

  /** The server has the batch, whatever it made of it. */
  acknowledge(batch: ReportBatch): void {
    const sent = this.#sent.get(batch);
    if (!sent) return;
    this.#sent.delete(batch);
    this.#resultBytes -= sent.resultBytes;
    this.#options.budget.release(sent.telemetryBytes);
    for (const { attempt } of sent.finished) {
      this.#unacknowledged.delete(attempt);
      this.#options.acknowledged?.(attempt);
    }
    for (const { owner } of sent.chunks) if (owner) this.#chunkDone(owner);
    if (!this.empty) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  /** Splits a batch the server refused as a whole in two; undefined when it holds a single result. */
  split(batch: ReportBatch): [ReportBatch, ReportBatch] | undefined {
    const sent = this.#sent.get(batch);
    if (!sent || sent.finished.length < 2) return undefined;
    this.#sent.delete(batch);
    const middle = sent.finished.length >> 1;
    const first = this.#resend(sent.finished.slice(0, middle), sent.chunks);
    return [first, this.#resend(sent.finished.slice(middle), [])];
  }

  /** Resolves when nothing is left. */
  whenEmpty(): Promise<void> {
    if (this.empty) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #resend(finished: Finished[], chunks: Chunk[]): ReportBatch {
    const resultBytes = finished.reduce((sum, { bytes }) => sum + bytes, 0);
    const ofResults = finished.reduce((sum, { telemetry }) => sum + (telemetry?.bytes ?? 0), 0);
    const telemetryBytes = chunks.reduce((sum, { entries }) => sum + entries.bytes, ofResults);
    const sent = { finished, chunks, resultBytes, telemetryBytes };
    const batch = { results: finished.map(({ result }) => result), telemetry: encodeTelemetry(sent) };
    this.#sent.set(batch, sent);
    return batch;
  }

  #addChunks(entries: TelemetryEntries, owner: AttemptBuffer | undefined): void {
    for (const part of splitEntries(entries)) {
      if (owner) owner.unsentChunks++;
      this.#chunks.push({ entries: part, owner });
    }
  }

  #chunkDone(owner: AttemptBuffer): void {
    owner.unsentChunks--;
    const finished = this.#waiting.get(owner);
    if (!finished || owner.unsentChunks > 0) return;
    this.#waiting.delete(owner);
    this.#ready.push(finished);
    this.#options.ready();
  }
}

/** Most results in a request: the protocol's limit. */
const MAX_RESULTS = 1_000;

/** About how large a request gets: a quarter of what a server reads, as sizes are estimates. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

function encodeTelemetry({ finished, chunks }: Sent): ReportBatch["telemetry"] {
  const spans: Entry[] = [];
  const logs: Entry[] = [];
  const add = (entries: TelemetryEntries): void => {
    for (const span of entries.spans) spans.push(span);
    for (const log of entries.logs) logs.push(log);
  };
  for (const { entries } of chunks) add(entries);
  for (const { telemetry } of finished) if (telemetry) add(telemetry);
  if (spans.length === 0 && logs.length === 0) return undefined;
  return {
    traces: spans.length > 0 ? [encodeRequest(spans)] : [],
    logs: logs.length > 0 ? [encodeRequest(logs)] : [],
  };
}

function splitEntries(entries: TelemetryEntries): TelemetryEntries[] {
  if (entries.bytes <= MAX_BATCH_BYTES / 2) return [entries];
  const parts: TelemetryEntries[] = [];
  const partFor = (size: number): TelemetryEntries => {
    const last = parts.at(-1);
    const part = last && last.bytes + size <= MAX_BATCH_BYTES / 2 ? last : { spans: [], logs: [], bytes: 0 };
    if (part !== last) parts.push(part);
    part.bytes += size;
    return part;
  };
  for (const span of entries.spans) partFor(span.bytes.length).spans.push(span);
  for (const log of entries.logs) partFor(log.bytes.length).logs.push(log);
  return parts;
}

function append(target: TelemetryEntries, added: TelemetryEntries): void {
  target.spans.push(...added.spans);
  target.logs.push(...added.logs);
  target.bytes += added.bytes;
}

/** About what a result adds to a request. */
function sizeOf(result: TaskResult): number {
  const { outcome } = result;
  if (outcome.case === "failure") {
    const { message = "", stack = "" } = outcome.value.failure ?? {};
    return 200 + message.length + stack.length;
  }
  if (outcome.case !== "success") return 200;
  const groups = outcome.value.children?.groups ?? [];
  const inputs = groups.reduce((sum, group) => group.inputs.reduce((bytes, input) => bytes + input.length + 4, sum), 0);
  return 200 + outcome.value.output.length + inputs;
}

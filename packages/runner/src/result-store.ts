import type { TaskResult, Telemetry } from "@spanloom/protocol";
import type { Attempt } from "./attempt.ts";
import type { AttemptBuffer, TelemetryBudget, TelemetryReceiver } from "./tracing/attempt-buffer.ts";
import { encodeRequest } from "./tracing/encode-request.ts";
import { countRecords, type RecordBlock, requestBytesOf, type TelemetryEntries } from "./tracing/record-block.ts";

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
  /** Spans that will come again when they end: nothing is lost with them. */
  provisional?: boolean;
}

interface Sent {
  finished: Finished[];
  chunks: Chunk[];
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
 * I4. Telemetry that waits may be dropped for newer, oldest first; the results of its attempts say how much. What is in
 *     a batch stays in it.
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
    const bytes = sizeOf(result) + attempt.spanBytes;
    const finished: Finished = { attempt, result, telemetry, bytes };
    this.#unacknowledged.add(attempt);
    this.#resultBytes += bytes;
    const buffer = attempt.tracing.bufferIfUsed;
    if (telemetry && requestBytesOf(telemetry) > MAX_BATCH_BYTES) {
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
    if (last && !last.owner && !last.provisional && last.entries.bytes < MAX_LATE_BYTES) append(last.entries, entries);
    else this.#chunks.push({ entries, owner: undefined });
    this.#options.ready();
  }

  /** Takes spans that are open: they are no part of what results wait for, nor of what exporters are given. */
  addOpen(entries: TelemetryEntries): void {
    this.#chunks.push({ entries, owner: undefined, provisional: true });
    this.#options.ready();
  }

  dropOldest(owner?: AttemptBuffer): boolean {
    for (const chunk of this.#chunks) {
      if ((owner === undefined || chunk.owner === owner) && this.#dropFrom(chunk)) return true;
    }
    if (owner) return false;
    for (const { telemetry, attempt } of this.#ready) {
      if (telemetry && this.#dropFrom({ entries: telemetry, owner: attempt.tracing.buffer })) return true;
    }
    return false;
  }

  /** The next batch: at most 1,000 results and about 4 MiB; undefined when there is nothing to send. */
  take(): ReportBatch | undefined {
    let bytes = 0;
    const fits = (more: number): boolean => {
      if (bytes > 0 && bytes + more > MAX_BATCH_BYTES) return false;
      bytes += more;
      return true;
    };
    let chunks = 0;
    while (chunks < this.#chunks.length && fits(requestBytesOf(this.#chunks[chunks]!.entries))) chunks++;
    let results = 0;
    while (results < Math.min(this.#ready.length, MAX_RESULTS) && fits(sizeInRequest(this.#ready[results]!))) results++;
    if (chunks === 0 && results === 0) return undefined;
    return this.#send({ chunks: this.#chunks.splice(0, chunks), finished: this.#ready.splice(0, results) });
  }

  /** The server has the batch, whatever it made of it. */
  acknowledge(batch: ReportBatch): void {
    const sent = this.#sent.get(batch);
    if (!sent) return;
    this.#sent.delete(batch);
    for (const { attempt, bytes, telemetry } of sent.finished) {
      this.#resultBytes -= bytes;
      if (telemetry) this.#options.budget.release(telemetry.bytes);
      this.#unacknowledged.delete(attempt);
      this.#options.acknowledged?.(attempt);
    }
    for (const { entries, owner } of sent.chunks) {
      this.#options.budget.release(entries.bytes);
      if (owner) this.#chunkDone(owner);
    }
    if (!this.empty) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  /**
   * Splits a batch the server refused as a whole in two, to be sent one after the other: telemetry first, as results
   * must not suffer for it, then halves. Undefined when it cannot be split.
   */
  split(batch: ReportBatch): [ReportBatch, ReportBatch] | undefined {
    const sent = this.#sent.get(batch);
    const halves = sent && (apart(sent) ?? halvesOf(sent));
    if (!halves) return undefined;
    this.#sent.delete(batch);
    return [this.#send(halves[0]), this.#send(halves[1])];
  }

  /** Gives up what the server refuses alone; telemetry is counted as dropped. Gives the number of its records. */
  giveUp(batch: ReportBatch): number {
    let dropped = 0;
    for (const chunk of this.#sent.get(batch)?.chunks ?? []) {
      const count = countRecords(chunk.entries.spans) + countRecords(chunk.entries.logs);
      this.#countDropped(count, chunk);
      dropped += count;
    }
    this.acknowledge(batch);
    return dropped;
  }

  /** Resolves when nothing is left. */
  whenEmpty(): Promise<void> {
    if (this.empty) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #send(sent: Sent): ReportBatch {
    // Some of it may have been dropped since the result was made.
    for (const { attempt, result } of sent.finished) {
      result.droppedTelemetry = BigInt(attempt.tracing.bufferIfUsed?.dropped ?? 0);
    }
    const batch = { results: sent.finished.map(({ result }) => result), telemetry: encodeTelemetry(sent) };
    this.#sent.set(batch, sent);
    return batch;
  }

  #dropFrom(chunk: Chunk): boolean {
    const { entries } = chunk;
    const oldest = entries.spans.shift();
    if (!oldest) return false;
    entries.bytes -= oldest.bytes;
    this.#options.budget.release(oldest.bytes);
    this.#countDropped(oldest.count, chunk);
    return true;
  }

  #countDropped(count: number, { owner, provisional }: Chunk): void {
    if (owner) owner.countDropped(count);
    else if (!provisional) this.#options.budget.dropped += count;
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

/** Bytes of late telemetry in one chunk; with what records share they take several times as many in a request. */
const MAX_LATE_BYTES = 512 * 1024;

function encodeTelemetry({ finished, chunks }: Sent): ReportBatch["telemetry"] {
  const spans: RecordBlock[] = [];
  const logs: RecordBlock[] = [];
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

/** Parts of entries that are each small enough for a batch. */
function splitEntries(entries: TelemetryEntries): TelemetryEntries[] {
  const parts: TelemetryEntries[] = [];
  let room = 0;
  const add = (block: RecordBlock, signal: "spans" | "logs"): void => {
    if (room < block.requestBytes) {
      parts.push({ spans: [], logs: [], bytes: 0 });
      room = MAX_BATCH_BYTES / 2;
    }
    const part = parts.at(-1)!;
    part[signal].push(block);
    part.bytes += block.bytes;
    room -= block.requestBytes;
  };
  for (const span of entries.spans) add(span, "spans");
  for (const log of entries.logs) add(log, "logs");
  return parts;
}

function append(target: TelemetryEntries, added: TelemetryEntries): void {
  target.spans.push(...added.spans);
  target.logs.push(...added.logs);
  target.bytes += added.bytes;
}

/** Telemetry alone, and results without; undefined when there is only one of the two. */
function apart({ finished, chunks }: Sent): [Sent, Sent] | undefined {
  const own = finished.flatMap((one) => {
    const { telemetry, attempt } = one;
    if (!telemetry) return [];
    one.telemetry = undefined;
    const owner = attempt.tracing.buffer;
    owner.unsentChunks++;
    return [{ entries: telemetry, owner }];
  });
  if (finished.length === 0 || chunks.length + own.length === 0) return undefined;
  return [
    { finished: [], chunks: [...chunks, ...own] },
    { finished, chunks: [] },
  ];
}

/** Two halves of what is alike: of results, of chunks, of one chunk's blocks, of one block's records. */
function halvesOf({ finished, chunks }: Sent): [Sent, Sent] | undefined {
  const half = Math.max(finished.length, chunks.length) >> 1;
  if (finished.length > 1 || chunks.length > 1) {
    return [
      { finished: finished.slice(0, half), chunks: chunks.slice(0, half) },
      { finished: finished.slice(half), chunks: chunks.slice(half) },
    ];
  }
  const [chunk] = chunks;
  const parts = chunk ? halfEntries(chunk.entries) : undefined;
  if (!chunk || !parts) return undefined;
  if (chunk.owner) chunk.owner.unsentChunks++;
  const [first, second] = parts;
  return [
    { finished: [], chunks: [{ ...chunk, entries: first }] },
    { finished: [], chunks: [{ ...chunk, entries: second }] },
  ];
}

function halfEntries({ spans, logs }: TelemetryEntries): [TelemetryEntries, TelemetryEntries] | undefined {
  const blocks = spans.length + logs.length;
  if (blocks > 1) {
    const half = blocks >> 1;
    const logsFrom = Math.max(0, half - spans.length);
    return [
      toEntries(spans.slice(0, half), logs.slice(0, logsFrom)),
      toEntries(spans.slice(half), logs.slice(logsFrom)),
    ];
  }
  const [first, second] = (spans[0] ?? logs[0])?.halves() ?? [];
  if (!first || !second) return undefined;
  return spans.length > 0
    ? [toEntries([first], []), toEntries([second], [])]
    : [toEntries([], [first]), toEntries([], [second])];
}

function toEntries(spans: RecordBlock[], logs: RecordBlock[]): TelemetryEntries {
  return { spans, logs, bytes: [...spans, ...logs].reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** About what a finished attempt adds to a request. */
function sizeInRequest({ bytes, telemetry }: Finished): number {
  return bytes + (telemetry ? requestBytesOf(telemetry) : 0);
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

import { create } from "@bufbuild/protobuf";
import { type TaskResult, TaskResultSchema, type Telemetry } from "@spanloom/protocol";
import type { Attempt } from "./attempt.ts";
import { apart, type Chunk, type Finished, halvesOf, type Refused, type Sent } from "./sent-batch.ts";
import { releaseResult } from "./task-result.ts";
import type { AttemptBuffer, TelemetryBudget, TelemetryReceiver } from "./tracing/attempt-buffer.ts";
import { encodeLogs, encodeSpans } from "./tracing/encode-request.ts";
import { countRecords, type RecordBlock, requestBytesOf, type TelemetryEntries } from "./tracing/record-block.ts";

/** What goes into one request. It stays as it is until the server has acknowledged it. */
export interface ReportBatch {
  /** Finished attempts, as the server must acknowledge them. */
  readonly results: readonly TaskResult[];
  /** Their telemetry, and chunks of others. */
  readonly telemetry: Pick<Telemetry, "traces" | "logs"> | undefined;
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
 *     But for what the server has refused for want of room: no result waits for that (P4).
 * I4. Telemetry that waits may be dropped for newer, oldest first; the results of its attempts say how much. What is in
 *     a batch stays in it. Where a result has gone before, the same is sent again with the new count and nothing else.
 */
export class ResultStore implements TelemetryReceiver {
  readonly #options: ResultStoreOptions;
  readonly #ready: Finished[] = [];
  readonly #chunks: Chunk[] = [];
  readonly #waiting = new Map<AttemptBuffer, Finished>();
  /** Telemetry that the server had no room for, until {@link retryRefused}. */
  #refused: Chunk[] = [];
  readonly #refusedOf = new Map<AttemptBuffer, Refused>();
  readonly #amended = new Set<Attempt>();
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

  /** Bytes of results that the server may not have. */
  get resultBytes(): number {
    return this.#resultBytes;
  }

  /** Attempts whose results the server may not have: their leases must be kept. */
  get unacknowledged(): ReadonlySet<Attempt> {
    return this.#unacknowledged;
  }

  /** Whether nothing is left to send or to be acknowledged. */
  get empty(): boolean {
    const waiting = this.#unacknowledged.size + this.#chunks.length + this.#refused.length + this.#amended.size;
    return waiting === 0 && this.#sent.size === 0;
  }

  /** Whether there is something to send. */
  get pending(): boolean {
    return this.#ready.length > 0 || this.#chunks.length > 0 || this.#amended.size > 0;
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
    const waiting = this.#refused.length === 0 ? this.#chunks : [...this.#refused, ...this.#chunks];
    for (const chunk of waiting) {
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
    if (chunks === 0 && results === 0) return this.#takeAmended();
    return this.#send({ chunks: this.#chunks.splice(0, chunks), finished: this.#ready.splice(0, results) });
  }

  /** Attempts of which more was dropped after they were reported: the server counts what a report says again. */
  #takeAmended(): ReportBatch | undefined {
    const amended = [...this.#amended].slice(0, MAX_RESULTS);
    if (amended.length === 0) return undefined;
    for (const attempt of amended) this.#amended.delete(attempt);
    return this.#send({ finished: [], chunks: [], amended });
  }

  /** The server has the results, but had no room for the telemetry: it is kept for {@link retryRefused}. */
  refuse(batch: ReportBatch): void {
    const sent = this.#sent.get(batch);
    if (!sent) return;
    const chunks = sent.chunks.splice(0);
    for (const one of sent.finished) {
      if (one.telemetry) chunks.push({ entries: one.telemetry, owner: one.attempt.tracing.buffer, refused: NEW });
      one.telemetry = undefined;
    }
    for (const chunk of chunks) this.#keepRefused(chunk);
    this.acknowledge(batch);
  }

  #keepRefused(chunk: Chunk): void {
    this.#refused.push(chunk);
    const { owner } = chunk;
    if (!owner || (chunk.refused && chunk.refused !== NEW)) return;
    const refused = this.#refusedOf.get(owner) ?? { chunks: 0 };
    this.#refusedOf.set(owner, refused);
    refused.chunks++;
    const isWaitedFor = chunk.refused === undefined;
    chunk.refused = refused;
    if (isWaitedFor) this.#chunkDone(owner);
  }

  /** Sends what was refused once more. */
  retryRefused(): void {
    if (this.#refused.length === 0) return;
    this.#chunks.unshift(...this.#refused.splice(0));
    this.#options.ready();
  }

  /** Gives up what was refused; it is counted as dropped. Gives whether there was any. */
  giveUpRefused(): boolean {
    const refused = this.#refused.splice(0);
    for (const chunk of refused) {
      this.#countDropped(countRecords(chunk.entries.spans) + countRecords(chunk.entries.logs), chunk);
      this.#options.budget.release(chunk.entries.bytes);
    }
    this.#resolveIdle();
    return refused.length > 0;
  }

  /** The server has the batch, whatever it made of it. */
  acknowledge(batch: ReportBatch): void {
    const sent = this.#sent.get(batch);
    if (!sent) return;
    this.#sent.delete(batch);
    for (const { attempt, bytes, telemetry, result } of sent.finished) {
      this.#resultBytes -= bytes;
      if (telemetry) this.#options.budget.release(telemetry.bytes);
      this.#unacknowledged.delete(attempt);
      this.#options.acknowledged?.(attempt);
      this.#noteReported(attempt, Number(result.droppedTelemetry));
    }
    for (const [i, attempt] of (sent.amended ?? []).entries()) {
      this.#noteReported(attempt, Number(batch.results[i]!.droppedTelemetry));
    }
    for (const chunk of sent.chunks) this.#release(chunk);
    this.#resolveIdle();
  }

  #release({ entries, owner, refused }: Chunk): void {
    this.#options.budget.release(entries.bytes);
    if (refused && owner) {
      refused.chunks--;
      if (refused.chunks === 0) this.#refusedOf.delete(owner);
    } else if (owner) this.#chunkDone(owner);
  }

  /** Remembers what was told of an attempt as long as more may be dropped. */
  #noteReported(attempt: Attempt, dropped: number): void {
    const buffer = attempt.tracing.bufferIfUsed;
    const refused = buffer && this.#refusedOf.get(buffer);
    if (!refused) return;
    refused.reported = { attempt, dropped };
    this.#amendIfMore(buffer, refused);
  }

  #amendIfMore(buffer: AttemptBuffer, { reported }: Refused): void {
    if (!reported || buffer.dropped <= reported.dropped) return;
    this.#amended.add(reported.attempt);
    this.#options.ready();
  }

  #resolveIdle(): void {
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
    const results = [...sent.finished.map(({ result }) => result), ...(sent.amended ?? []).map(amendedResult)];
    const batch = { results, telemetry: encodeTelemetry(sent) };
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

  #countDropped(count: number, { owner, provisional, refused }: Chunk): void {
    if (owner) {
      owner.countDropped(count);
      if (refused) this.#amendIfMore(owner, refused);
    } else if (!provisional) this.#options.budget.dropped += count;
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

/** Marks telemetry that goes with a result and that nothing waits for. */
const NEW: Refused = { chunks: 0 };

/** What a report that was acknowledged says again, with what was dropped in all. The server looks at the count alone. */
function amendedResult({ task, tracing }: Attempt): TaskResult {
  const { taskId, attempt, leaseToken } = task;
  const droppedTelemetry = BigInt(tracing.buffer.dropped);
  return create(TaskResultSchema, {
    taskId,
    attempt,
    leaseToken,
    outcome: releaseResult("OVERLOADED"),
    droppedTelemetry,
  });
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
    traces: spans.length > 0 ? [encodeSpans(spans)] : [],
    logs: logs.length > 0 ? [encodeLogs(logs)] : [],
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

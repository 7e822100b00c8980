import type { TaskResult } from "@spanloom/protocol";
import type { Attempt } from "./attempt.ts";
import type { AttemptBuffer } from "./tracing/attempt-buffer.ts";
import type { RecordBlock, TelemetryEntries } from "./tracing/record-block.ts";

/** A finished attempt. */
export interface Finished {
  attempt: Attempt;
  result: TaskResult;
  telemetry: TelemetryEntries | undefined;
  bytes: number;
}

/** Telemetry that goes by itself. */
export interface Chunk {
  entries: TelemetryEntries;
  owner: AttemptBuffer | undefined;
  /** Spans that will come again when they end: nothing is lost with them. */
  provisional?: boolean;
  /** The server refused it for now, and the result of its attempt does not wait for it any more. */
  refused?: Refused;
}

/** What the server refused for now of an attempt. */
export interface Refused {
  /** Chunks that it does not have yet. */
  chunks: number;
  /** The attempt, once its result was acknowledged, and what was told to be dropped of it. */
  reported?: { attempt: Attempt; dropped: number };
}

/** What is in a batch. */
export interface Sent {
  finished: Finished[];
  chunks: Chunk[];
  /** Attempts that were reported before, of which more was dropped since. */
  amended?: readonly Attempt[];
}

/** Telemetry alone, and results without; undefined when there is only one of the two. */
export function apart({ finished, chunks }: Sent): [Sent, Sent] | undefined {
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
export function halvesOf({ finished, chunks }: Sent): [Sent, Sent] | undefined {
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
  if (chunk.refused) chunk.refused.chunks++;
  else if (chunk.owner) chunk.owner.unsentChunks++;
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

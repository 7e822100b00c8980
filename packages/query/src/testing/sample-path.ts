import { create } from "@bufbuild/protobuf";
import { type ArrowChunk, ArrowChunkSchema } from "@spanloom/protocol";
import {
  type DataType,
  Dictionary,
  Int32,
  Int64,
  makeData,
  Table,
  TimestampNanosecond,
  tableToIPC,
  Uint32,
  Utf8,
  Vector,
  vectorFromArray,
} from "apache-arrow";
import type { CriticalPathColumns, PathKind } from "../critical-path.ts";
import { sampleJobId, sampleTraceId } from "./sample-spans.ts";

/** A segment of a test's critical path. */
export interface SampleSegment {
  readonly kind: PathKind;
  readonly ms: number;
  readonly name: string;
  readonly depth?: number;
  readonly attempt?: number;
  readonly outcome?: string;
}

const startNs = 1_767_225_600_000_000_000n;

/** Segments that follow each other, as a server answers with them. */
export function samplePath(segments: readonly SampleSegment[]): Table<CriticalPathColumns> {
  const ends: bigint[] = [];
  let atNs = startNs;
  for (const { ms } of segments) {
    atNs += BigInt(Math.round(ms * 1e6));
    ends.push(atNs);
  }
  const starts = [startNs, ...ends.slice(0, -1)].slice(0, ends.length);
  const text = (of: (segment: SampleSegment) => string) =>
    vectorFromArray(segments.map(of), new Dictionary(new Utf8(), new Int32()));
  const values = <Type extends DataType>(type: Type, of: readonly unknown[]) => vectorFromArray(of, type);
  // Arrow's builder takes no bigint for a timestamp.
  const times = (of: readonly bigint[]) =>
    new Vector([
      makeData({ type: new TimestampNanosecond("UTC"), length: of.length, data: BigInt64Array.from(of), nullCount: 0 }),
    ]);
  return new Table({
    start_time: times(starts),
    end_time: times(ends),
    duration_ns: values(
      new Int64(),
      ends.map((end, i) => end - starts[i]!),
    ),
    kind: text(({ kind }) => kind),
    depth: values(
      new Uint32(),
      segments.map(({ depth = 1 }) => depth),
    ),
    type: text(({ depth = 1, attempt }) => (depth === 0 ? "job" : attempt === undefined ? "task" : "attempt")),
    name: text(({ name }) => name),
    outcome: text(({ outcome = "success" }) => outcome),
    trace_id: text(() => sampleTraceId),
    span_id: values(
      new Utf8(),
      segments.map((_, i) => (i + 1).toString(16).padStart(16, "0")),
    ),
    job_id: text(() => sampleJobId),
    task_id: values(
      new Utf8(),
      segments.map(({ depth = 1 }) => (depth === 0 ? null : sampleJobId)),
    ),
    task_name: text(({ name }) => name.replace("task ", "")),
    attempt: values(
      new Uint32(),
      segments.map(({ attempt }) => attempt ?? null),
    ),
    queue: text(() => "default"),
    runner_id: text(({ attempt }) => (attempt === undefined ? "" : "runner")),
  }) as unknown as Table<CriticalPathColumns>;
}

/** The same as a chunk of an answer. */
export function samplePathChunk(segments: readonly SampleSegment[]): ArrowChunk {
  return create(ArrowChunkSchema, { ipc: tableToIPC(samplePath(segments), "stream"), rows: BigInt(segments.length) });
}

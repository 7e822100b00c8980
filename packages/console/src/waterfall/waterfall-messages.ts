import type { LineMarks } from "./line-marks.ts";
import type { Minimap } from "./minimap.ts";
import type { SpanSearch } from "./span-search.ts";
import type { Lines } from "./visible-lines.ts";

/** Begins with the spans of a job. */
export interface Opening {
  kind: "open";
  jobId: string;
  url: string;
  token: string;
  /** It runs: they are followed until it has ended. */
  live: boolean;
  /** It runs, or ended so lately that some may yet come. */
  late: boolean;
  /** How far the server's clock is ahead of the browser's. */
  aheadMs: number;
}

/** What the page asks of the worker. */
export type WaterfallRequest =
  | Opening
  | { kind: "fold"; row: number }
  | { kind: "foldName"; name: number }
  | { kind: "unfoldAll" }
  | { kind: "search"; search: SpanSearch }
  | { kind: "reveal"; target: { position: number } | { spanId: string } }
  /** Reveals the first span below one that failed by itself, not for one below it. */
  | { kind: "revealFailure"; row: number }
  | { kind: "details"; row: number }
  /** Marks the critical path of the job, each span while it is on the path, and dims what is not. */
  | { kind: "path"; shown: boolean };

/** What is to be drawn. */
export interface WaterfallDrawing {
  lines: Lines;
  names: readonly string[];
  minimap: Minimap;
  /** Nanoseconds from the base: the first start, and the last end or what is known of it. */
  whole: { from: number; to: number };
  /** Epoch milliseconds that times are counted from. */
  baseMs: number;
  counts: { spans: number; errors: number; open: number };
  foldedNames: readonly number[];
  /** Whether anything is folded. */
  folded: boolean;
  /** Failed spans that are folded away. */
  hiddenFailures: LineMarks;
  /** What is marked; absent when nothing is, and nothing dimmed. */
  highlight?: LineMarks;
}

/** A record of a span's log. */
export interface DetailLog {
  timeMs: number;
  severity: string;
  body: string;
}

/** An event or link of a span, as text. */
export interface DetailEvent {
  name: string;
  /** From the span's start. */
  offsetMs: number;
  attributes: Readonly<Record<string, string>>;
}

/** A span that another leads to. */
export interface DetailLink {
  traceId: string;
  spanId: string;
  attributes: Readonly<Record<string, string>>;
  /** Of the span it leads to, once that was looked up and is stored; `jobId` is empty when it is none of a job's. */
  name?: string;
  jobId?: string;
}

/** What is known of one span. */
export interface SpanDetails {
  row: number;
  spanId: string;
  traceId: string;
  name: string;
  type: string;
  kind: string;
  status: string;
  statusMessage: string;
  outcome: string;
  startMs: number;
  /** Undefined while it is open. */
  durationMs: number | undefined;
  facts: Readonly<Record<string, string>>;
  attributes: Readonly<Record<string, string>>;
  resource: Readonly<Record<string, string>>;
  events: readonly DetailEvent[];
  links: readonly DetailLink[];
  logs: readonly DetailLog[];
}

/** What the worker tells the page. */
export type WaterfallNews =
  | { kind: "drawing"; drawing: WaterfallDrawing }
  /** All has come: the job has ended, or was asked for as it was. */
  | { kind: "complete" }
  | { kind: "found"; search: SpanSearch; positions: Int32Array }
  /** The line a span is shown on now, after what hid it was unfolded; -1 when there is no such span. */
  | { kind: "revealed"; line: number }
  /** Without details when the span is stored no more. */
  | { kind: "details"; row: number; details: SpanDetails | undefined }
  /** What is missing comes when the server answers again. */
  | { kind: "interrupted"; message: string }
  | { kind: "resumed" }
  /** There will be no more spans, or none at all. */
  | { kind: "failed"; message: string; reason: string }
  /** One thing that was asked could not be answered. */
  | { kind: "refused"; asked: WaterfallRequest["kind"]; message: string };

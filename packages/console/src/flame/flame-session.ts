import type { QueryClient } from "@spanloom/query";
import { hexId } from "../text/hex-id.ts";
import { type BatchTarget, NameTable, putBatch, waterfallColumns } from "../waterfall/batch-rows.ts";
import { SpanColumns } from "../waterfall/span-columns.ts";
import { treeOrder } from "../waterfall/tree-order.ts";
import { type FlameTree, flameTree } from "./flame-tree.ts";
import { type NameSum, sumsByName } from "./name-sums.ts";

/** What the page asks of the worker: the flame chart of a job. */
export interface FlameRequest {
  jobId: string;
  url: string;
  token: string;
  /** Go on with what comes until the job ends. */
  live: boolean;
}

/** A flame chart as it is drawn. */
export interface FlameDrawing {
  flame: FlameTree;
  names: readonly string[];
  /** Names by self time; of very many the first. */
  sums: readonly (NameSum & { longestId: string })[];
  /** Id of the span that took longest, by node, in halves. */
  longestHigh: Uint32Array;
  longestLow: Uint32Array;
  spans: number;
  /** How many names have spans. */
  named: number;
}

/** What the worker tells the page. */
export type FlameNews =
  | { kind: "drawing"; drawing: FlameDrawing }
  | { kind: "complete" }
  | { kind: "interrupted"; message: string }
  | { kind: "failed"; message: string };

/** What a session needs of where it runs. */
export interface FlameContext {
  client: (options: { url: string; token: string }) => QueryClient;
  tell: (news: FlameNews, transfer?: ArrayBuffer[]) => void;
  nowMs: () => number;
}

/** How long the first spans wait for others to be drawn with, and later ones. */
const DRAW_MS = { first: 150, later: 500 };
/** A drawing of many spans takes its time: rest so many times what it took. */
const REST = 4;
/** Names that are listed. */
const MOST_NAMES = 1_000;

/** Reads a job's spans and adds them up, again and again as they come. Never rejects: what goes wrong is told. */
export async function runFlame({ jobId, url, token, live }: FlameRequest, context: FlameContext): Promise<void> {
  const target: BatchTarget = { columns: new SpanColumns(), names: new NameTable() };
  const client = context.client({ url, token });
  let nextMs = context.nowMs() + DRAW_MS.first;
  try {
    const query = client.spans({ job: jobId }).columns(...waterfallColumns);
    const onInterrupted = ({ message }: Error) => context.tell({ kind: "interrupted", message });
    for await (const batch of live ? query.tail({ existing: true }).stream({ onInterrupted }) : query.stream()) {
      putBatch(target, batch);
      const beganMs = context.nowMs();
      if (beganMs < nextMs) continue;
      draw(target, context);
      const doneMs = context.nowMs();
      nextMs = doneMs + Math.max(DRAW_MS.later, REST * (doneMs - beganMs));
    }
    draw(target, context);
    context.tell({ kind: "complete" });
  } catch (error) {
    context.tell({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
}

function draw(target: BatchTarget, { tell, nowMs }: FlameContext): void {
  const drawing = flameDrawing(target, nowMs());
  const { flame, longestHigh, longestLow } = drawing;
  const columns = [...Object.values(flame), longestHigh, longestLow].filter((value) => ArrayBuffer.isView(value));
  tell(
    { kind: "drawing", drawing },
    columns.map(({ buffer }) => buffer as ArrayBuffer),
  );
}

function flameDrawing({ columns, names, base = 0n }: BatchTarget, nowMs: number): FlameDrawing {
  const now = nowMs * 1e6 - Number(base);
  const flame = flameTree({ columns, tree: treeOrder(columns), names: names.names.length, now });
  const { idHigh, idLow } = columns;
  const sums = sumsByName(flame);
  return {
    flame,
    names: [...names.names],
    sums: sums
      .slice(0, MOST_NAMES)
      .map((sum) => ({ ...sum, longestId: hexId(idHigh[sum.longestRow]!, idLow[sum.longestRow]!) })),
    longestHigh: Uint32Array.from(flame.longestRow, (row) => idHigh[row] ?? 0),
    longestLow: Uint32Array.from(flame.longestRow, (row) => idLow[row] ?? 0),
    spans: columns.count,
    named: sums.length,
  };
}

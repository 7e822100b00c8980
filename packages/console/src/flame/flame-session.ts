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
  /** Calls back after a time; the answer takes it back. */
  schedule: (callback: () => void, delayMs: number) => () => void;
}

/** How long the first spans wait for others to be drawn with, later ones, and open ones to be drawn longer. */
const DRAW_MS = { first: 150, later: 500, open: 2_000 };
/** A drawing of many spans takes its time: rest so many times what it took. */
const REST = 4;
/** Names that are listed. */
const MOST_NAMES = 1_000;

/** Reads a job's spans and adds them up, again and again as they come. Never rejects: what goes wrong is told. */
export async function runFlame({ jobId, url, token, live }: FlameRequest, context: FlameContext): Promise<void> {
  const target: BatchTarget = { columns: new SpanColumns(), names: new NameTable() };
  const drawer = new Drawer(target, context, live);
  try {
    const query = context
      .client({ url, token })
      .spans({ job: jobId })
      .columns(...waterfallColumns);
    const onInterrupted = ({ message }: Error) => context.tell({ kind: "interrupted", message });
    for await (const batch of live ? query.tail({ existing: true }).stream({ onInterrupted }) : query.stream()) {
      putBatch(target, batch);
      drawer.drawSoon();
    }
    drawer.end();
    context.tell({ kind: "complete" });
  } catch (error) {
    drawer.stop();
    context.tell({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
}

/**
 * Draws what has come, not too often.
 *
 * I1. At most one drawing waits to be made; what has come is in the next.
 * I2. While spans are open they are drawn longer and longer; after `end` or `stop` nothing is drawn.
 */
class Drawer {
  readonly #target: BatchTarget;
  readonly #context: FlameContext;
  readonly #live: boolean;
  #cancel: (() => void) | undefined;
  #lastTookMs = -1;

  constructor(target: BatchTarget, context: FlameContext, live: boolean) {
    [this.#target, this.#context, this.#live] = [target, context, live];
  }

  drawSoon(): void {
    this.#draw(this.#lastTookMs < 0 ? DRAW_MS.first : Math.max(DRAW_MS.later, REST * this.#lastTookMs));
  }

  /** Draws all there is, for the last time. */
  end(): void {
    this.stop();
    this.#drawNow();
    this.stop();
  }

  /** Draws no more. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #draw(delayMs: number): void {
    this.#cancel ??= this.#context.schedule(() => {
      this.#cancel = undefined;
      this.#drawNow();
    }, delayMs);
  }

  #drawNow(): void {
    const { tell, nowMs } = this.#context;
    const beganMs = nowMs();
    const drawing = flameDrawing(this.#target, beganMs);
    const { flame, longestHigh, longestLow } = drawing;
    const columns = [...Object.values(flame), longestHigh, longestLow].filter((value) => ArrayBuffer.isView(value));
    const isOpen = flame.open.some((count) => count > 0);
    tell(
      { kind: "drawing", drawing },
      columns.map(({ buffer }) => buffer as ArrayBuffer),
    );
    this.#lastTookMs = nowMs() - beganMs;
    if (this.#live && isOpen) this.#draw(Math.max(DRAW_MS.open, REST * this.#lastTookMs));
  }
}

function flameDrawing({ columns, names, base = 0n }: BatchTarget, nowMs: number): FlameDrawing {
  const now = Number(BigInt(Math.round(nowMs)) * 1_000_000n - base);
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

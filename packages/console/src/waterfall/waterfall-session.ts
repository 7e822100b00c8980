import type { QueryClient } from "@spanloom/query";
import type { RecordBatch } from "apache-arrow";
import { waterfallColumns } from "./batch-rows.ts";
import { fetchDetails } from "./span-details.ts";
import type { WaterfallDrawing, WaterfallNews, WaterfallRequest } from "./waterfall-messages.ts";
import { WaterfallModel } from "./waterfall-model.ts";

/** What a session needs of where it runs. */
export interface SessionContext {
  client: (options: { url: string; token: string }) => QueryClient;
  tell: (news: WaterfallNews, transfer?: ArrayBuffer[]) => void;
  nowMs: () => number;
  /** Calls back after a time. */
  schedule: (callback: () => void, delayMs: number) => void;
}

/** How long the first spans wait for others to be drawn with, and later ones at least. */
const DRAW_MS = { first: 60, later: 300 };
/** A drawing of many spans takes its time: rest so many times what it took. */
const REST = 4;

type Opening = Extract<WaterfallRequest, { kind: "open" }>;

/**
 * One job's waterfall, behind the messages: it fetches, lays out, and answers.
 *
 * I1. At most one drawing waits to be made, however fast spans come.
 * I2. Whatever is asked is answered from the spans that have come by then.
 */
export class WaterfallSession {
  readonly #context: SessionContext;
  readonly #model = new WaterfallModel();
  #opening: Opening | undefined;
  #client: QueryClient | undefined;
  #scheduled = false;
  #lastTookMs = 0;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  /** Does what the page asks. Never rejects: what goes wrong is told. */
  async handle(request: WaterfallRequest): Promise<void> {
    try {
      if (request.kind === "open") await this.#open(request);
      else if (request.kind === "details") await this.#details(request.row);
      else this.#lookInto(request);
    } catch (error) {
      this.#context.tell({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
    }
  }

  #lookInto(request: Exclude<WaterfallRequest, { kind: "open" | "details" }>): void {
    const { tell } = this.#context;
    if (request.kind === "search") {
      const positions = this.#model.search(request.search);
      tell({ kind: "found", positions }, [positions.buffer as ArrayBuffer]);
      return;
    }
    if (request.kind === "reveal") {
      this.#reveal(request.target);
      return;
    }
    if (request.kind === "fold") this.#model.fold(request.row);
    else this.#model.foldName(request.name);
    this.#draw();
  }

  #reveal(target: { position: number } | { spanId: string }): void {
    const position = "position" in target ? target.position : this.#model.positionOf(target.spanId);
    const row = this.#model.reveal(position);
    const drawing = this.#model.drawing(this.#context.nowMs());
    const line = row === -1 ? -1 : drawing.lines.row.indexOf(row);
    this.#tellDrawing(drawing);
    this.#context.tell({ kind: "revealed", line });
  }

  async #open(opening: Opening): Promise<void> {
    this.#opening = opening;
    this.#client = this.#context.client(opening);
    for await (const batch of this.#batches(this.#client, opening)) {
      this.#model.put(batch);
      this.#drawSoon();
    }
    this.#draw();
    this.#context.tell({ kind: "complete" });
  }

  #batches(client: QueryClient, { jobId, live }: Opening): AsyncIterable<RecordBatch> {
    const query = client.spans({ job: jobId }).columns(...waterfallColumns);
    if (!live) return query.stream();
    return query.tail({ existing: true }).stream({
      onInterrupted: ({ message }) => this.#context.tell({ kind: "interrupted", message }),
    });
  }

  async #details(row: number): Promise<void> {
    if (!this.#client || !this.#opening) return;
    const spanId = this.#model.spanId(row);
    const details = await fetchDetails(this.#client, { jobId: this.#opening.jobId, spanId, row });
    if (details) this.#context.tell({ kind: "details", details });
  }

  #drawSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const delayMs = this.#lastTookMs === 0 ? DRAW_MS.first : Math.max(DRAW_MS.later, REST * this.#lastTookMs);
    this.#context.schedule(() => {
      if (this.#scheduled) this.#draw();
    }, delayMs);
  }

  #draw(): void {
    this.#scheduled = false;
    const beganMs = this.#context.nowMs();
    this.#tellDrawing(this.#model.drawing(beganMs));
    this.#lastTookMs = Math.max(1, this.#context.nowMs() - beganMs);
  }

  #tellDrawing(drawing: WaterfallDrawing): void {
    this.#context.tell({ kind: "drawing", drawing }, buffersOf(drawing));
  }
}

/** The memory of a drawing, which moves to the page instead of being copied. */
function buffersOf({ lines, minimap }: WaterfallDrawing): ArrayBuffer[] {
  return [...Object.values(lines), ...Object.values(minimap)]
    .filter((value) => ArrayBuffer.isView(value))
    .map((view) => view.buffer as ArrayBuffer);
}

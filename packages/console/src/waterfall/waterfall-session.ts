import { SpanloomError } from "@spanloom/protocol";
import type { PathSegment, QueryClient } from "@spanloom/query";
import type { RecordBatch } from "apache-arrow";
import type { PathQuestion } from "../critical-path/read-path.ts";
import { backoffMs } from "../rpc/backoff.ts";
import { waterfallColumns } from "./batch-rows.ts";
import { fetchDetails, withLinkedJobs } from "./span-details.ts";
import type { SpanSearch } from "./span-search.ts";
import type { Opening, WaterfallDrawing, WaterfallNews, WaterfallRequest } from "./waterfall-messages.ts";
import { WaterfallModel } from "./waterfall-model.ts";

/** What a session needs of where it runs. */
export interface SessionContext {
  client: (options: { url: string; token: string }) => QueryClient;
  /** Asks for the critical path of a job. */
  readPath: (client: QueryClient, question: PathQuestion) => Promise<readonly PathSegment[]>;
  tell: (news: WaterfallNews, transfer?: ArrayBuffer[]) => void;
  nowMs: () => number;
  random: () => number;
  /** Calls back after a time. */
  schedule: (callback: () => void, delayMs: number) => void;
}

/** How long the first spans wait for others to be drawn with, and later ones at least. */
const DRAW_MS = { first: 60, later: 300 };
/** A drawing of many spans takes its time: rest so many times what it took. */
const REST = 4;
/** When what comes late is asked for once a job has ended: a runner may send its spans after the result. */
const LATE_MS = [2_000, 6_000, 20_000];
/** How often the critical path is asked for anew while the job runs. */
const PATH_MS = 3_000;

type Target = Extract<WaterfallRequest, { kind: "reveal" }>["target"];
type Asking = Exclude<WaterfallRequest, { kind: "open" | "details" }>;

/**
 * One job's waterfall, behind the messages: it fetches, lays out, and answers.
 *
 * I1. At most one drawing waits to be made, however fast spans come.
 * I2. Whatever is asked is answered from the spans that have come by then; only a span that is looked for by its id is
 *     waited for, until all have come.
 * I3. What is found is told anew with each drawing of other spans, so that with `complete` it is what there is.
 * I4. What is cut off is asked for again, as long as the server may answer; spans that come again replace themselves.
 */
export class WaterfallSession {
  readonly #context: SessionContext;
  readonly #model = new WaterfallModel();
  #opening: Opening | undefined;
  #client: QueryClient | undefined;
  #scheduled = false;
  #lastTookMs = 0;
  #complete = false;
  #interrupted = false;
  #awaited: string | undefined;
  /** How far a tail has come. */
  #position: string | undefined;
  #wanted: number | undefined;
  #path = { shown: false, asked: 0 };
  #searched: SpanSearch | undefined;
  /** How many spans were drawn last, and how many of them had failed. */
  #drawn = "";

  constructor(context: SessionContext) {
    this.#context = context;
  }

  /** Does what the page asks. Never rejects: what goes wrong is told. */
  async handle(request: WaterfallRequest): Promise<void> {
    try {
      if (request.kind === "open") await this.#open(request);
      else if (request.kind === "details") await this.#details(request.row);
      else if (request.kind === "path") await this.#showPath(request.shown);
      else this.#lookInto(request);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const reason = error instanceof SpanloomError ? error.reason : "";
      if (request.kind === "open") this.#context.tell({ kind: "failed", message, reason });
      else this.#context.tell({ kind: "refused", asked: request.kind, message });
    }
  }

  #lookInto(request: Exclude<Asking, { kind: "path" }>): void {
    if (request.kind === "search") this.#search(request.search);
    else if (request.kind === "revealFailure") this.#revealFailure(request.row);
    else if (request.kind === "reveal") this.#reveal(request.target);
    else {
      if (request.kind === "fold") this.#model.fold(request.row);
      else if (request.kind === "foldName") this.#model.foldName(request.name);
      else this.#model.unfoldAll();
      this.#draw();
    }
  }

  #revealFailure(row: number): void {
    const position = this.#model.failureBelow(row);
    if (position !== -1) this.#reveal({ position });
  }

  #search(search: SpanSearch): void {
    this.#searched = search;
    if (search.text === "" && !search.errors) return;
    const positions = this.#model.search(search);
    this.#context.tell({ kind: "found", search, positions }, [positions.buffer as ArrayBuffer]);
  }

  /** Others are found once spans have come, or have failed. */
  #searchAnew({ spans, errors }: WaterfallDrawing["counts"]): void {
    const drawn = `${spans} ${errors}`;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    if (this.#searched) this.#search(this.#searched);
  }

  #reveal(target: Target): void {
    const position = "position" in target ? target.position : this.#model.positionOf(target.spanId);
    if ("spanId" in target && position === -1 && !this.#complete) {
      this.#awaited = target.spanId;
      return;
    }
    const row = this.#model.reveal(position);
    const drawing = this.#model.drawing(this.#serverNowMs());
    const line = row === -1 ? -1 : drawing.lines.row.indexOf(row);
    this.#tellDrawing(drawing);
    this.#context.tell({ kind: "revealed", line });
  }

  async #open(opening: Opening): Promise<void> {
    this.#opening = opening;
    this.#client = this.#context.client(opening);
    this.#complete = false;
    for (let failures = 1; ; failures++) {
      try {
        for await (const batch of this.#batches(this.#client, opening)) {
          failures = 0;
          this.#heard();
          this.#model.put(batch);
          this.#drawSoon();
        }
        break;
      } catch (error) {
        if (!(error instanceof SpanloomError && error.retryable)) throw error;
        this.#lost(error);
        await new Promise<void>((resolve) =>
          this.#context.schedule(resolve, backoffMs(Math.max(1, failures), this.#context.random)),
        );
      }
    }
    this.#heard();
    this.#complete = true;
    this.#draw();
    this.#context.tell({ kind: "complete" });
    this.#askLate(this.#client, opening);
    if (this.#path.shown) await this.#showPath(true);
  }

  #batches(client: QueryClient, { jobId, live }: Opening): AsyncIterable<RecordBatch> {
    const query = client.spans({ job: jobId }).columns(...waterfallColumns);
    if (!live) return query.stream();
    return query.tail({ existing: true }).stream({
      onInterrupted: (error) => this.#lost(error),
      onPosition: (position) => {
        this.#position = position;
        this.#heard();
      },
    });
  }

  /**
   * Asks for what came since, now and then for a while. Spans of a job that had ended were read by a query, which is two to
   * three times as fast as a tail and knows no position: the first time all are asked for.
   */
  #askLate(client: QueryClient, opening: Opening, times = 0): void {
    const delayMs = LATE_MS[times];
    if (delayMs === undefined || !opening.late) return;
    const late = async () => {
      const query = client.spans({ job: opening.jobId }).columns(...waterfallColumns);
      const from = this.#position === undefined ? { existing: true } : { position: this.#position };
      const onPosition = (position: string) => {
        this.#position = position;
      };
      for await (const batch of query.tail(from).stream({ onPosition })) {
        this.#model.put(batch);
        this.#drawSoon();
      }
    };
    this.#context.schedule(() => {
      // What cannot be asked now is asked the next time.
      void late()
        .catch(() => undefined)
        .then(() => this.#askLate(client, opening, times + 1));
    }, delayMs);
  }

  #lost(error: SpanloomError): void {
    this.#interrupted = true;
    this.#context.tell({ kind: "interrupted", message: error.message });
  }

  #heard(): void {
    if (!this.#interrupted) return;
    this.#interrupted = false;
    this.#context.tell({ kind: "resumed" });
  }

  /** Tells of the row that was asked for last: who goes on to the next before an answer comes wants that alone. */
  async #details(row: number): Promise<void> {
    const asks = this.#wanted === undefined;
    this.#wanted = row;
    if (!asks || !this.#client || !this.#opening) return;
    const { jobId } = this.#opening;
    try {
      for (let asked = -1; asked !== this.#wanted; ) {
        asked = this.#wanted;
        const spanId = this.#model.spanId(asked);
        const details = await fetchDetails(this.#client, { jobId, spanId, row: asked });
        if (asked !== this.#wanted) continue;
        this.#context.tell({ kind: "details", row: asked, details });
        if (!details || details.links.length === 0) continue;
        const linked = await withLinkedJobs(this.#client, details);
        if (asked === this.#wanted) this.#context.tell({ kind: "details", row: asked, details: linked });
      }
    } finally {
      this.#wanted = undefined;
    }
  }

  /** Marks the critical path, again and again while the job runs: where its time goes changes. */
  async #showPath(shown: boolean): Promise<void> {
    const asked = this.#path.asked + 1;
    this.#path = { shown, asked };
    if (!shown) this.#mark(undefined);
    if (!shown || !this.#client || !this.#opening) return;
    const segments = await this.#context.readPath(this.#client, { jobId: this.#opening.jobId, userSpans: true });
    if (this.#path.asked !== asked) return;
    this.#mark(segments.filter(({ kind }) => kind !== "overhead"));
    if (this.#complete) return;
    this.#context.schedule(() => {
      if (this.#path.asked === asked) void this.handle({ kind: "path", shown: true });
    }, PATH_MS);
  }

  #mark(marked: Parameters<WaterfallModel["mark"]>[0]): void {
    this.#model.mark(marked);
    this.#draw();
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
    const drawing = this.#model.drawing(this.#serverNowMs());
    this.#tellDrawing(drawing);
    this.#searchAnew(drawing.counts);
    this.#lastTookMs = Math.max(1, this.#context.nowMs() - beganMs);
    const awaited = this.#awaited;
    if (awaited === undefined || (this.#model.positionOf(awaited) === -1 && !this.#complete)) return;
    this.#awaited = undefined;
    this.#reveal({ spanId: awaited });
  }

  #serverNowMs(): number {
    return this.#context.nowMs() + (this.#opening?.aheadMs ?? 0);
  }

  #tellDrawing(drawing: WaterfallDrawing): void {
    this.#context.tell({ kind: "drawing", drawing }, buffersOf(drawing));
  }
}

/** The memory of a drawing, which moves to the page instead of being copied. */
function buffersOf({ lines, minimap, hiddenFailures, highlight = hiddenFailures }: WaterfallDrawing): ArrayBuffer[] {
  const buffers = [lines, minimap, hiddenFailures, highlight]
    .flatMap((columns) => Object.values(columns) as unknown[])
    .filter((value) => ArrayBuffer.isView(value))
    .map((view) => view.buffer as ArrayBuffer);
  return [...new Set(buffers)];
}

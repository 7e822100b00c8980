import { create } from "@bufbuild/protobuf";
import {
  ClosedSpanPurpose,
  type ClosedSpanRequest,
  type ClosedSpans as ClosedSpansMessage,
  ClosedSpansSchema,
} from "@spanloom/protocol";
import type { Clock } from "../clock.ts";
import type { Store } from "../store/store.ts";
import { ClosedSpans } from "./closed-spans.ts";

/** What spans are handed out with. */
export interface SpanHandoutOptions {
  store: Pick<Store, "readLifecycle" | "taskIds" | "peers">;
  clock: Clock;
  /** 0..1. */
  random: () => number;
  /** How long a lease is: runners call three times in one. */
  leaseMs: number;
  log: (line: string) => void;
}

/** A runner's call that asks for spans. */
export interface SpanCall {
  runnerId: string;
  /** Queues it serves; undefined when the call does not say. */
  queues?: readonly string[] | undefined;
  request: ClosedSpanRequest;
}

/** Hands spans that have ended to runners that ask, for each purpose once. Nothing happens while nobody asks. */
export class SpanHandout {
  readonly #options: SpanHandoutOptions;
  readonly #byPurpose = new Map<ClosedSpanPurpose, ClosedSpans>();
  #ready: (runnerId: string) => void = () => undefined;
  #stopped = false;

  constructor(options: SpanHandoutOptions) {
    this.#options = options;
  }

  /** Sets who is told that there is something for a runner, which may be asleep in a poll. */
  onReady(ready: (runnerId: string) => void): void {
    this.#ready = ready;
  }

  /** Spans that were dropped because no runner fetched them. */
  get dropped(): number {
    return this.#all().reduce((sum, { dropped }) => sum + dropped, 0);
  }

  /** Notes that spans of these jobs and tasks have changed. */
  note(jobIds: ReadonlySet<string>, taskIds: ReadonlySet<string>): void {
    for (const spans of this.#byPurpose.values()) spans.note(jobIds, taskIds);
  }

  /** A runner asks; to be called before anything of its call takes place, so that no span is missed. */
  heard({ request, ...call }: SpanCall): void {
    if (this.#stopped) return;
    const { purposes, received, tasks } = request;
    for (const purpose of purposes) {
      this.#of(purpose).heard({ ...call, received, wantsTasks: tasks && purpose === ClosedSpanPurpose.EXPORT });
    }
  }

  /** Has all that ended before the call wait for its runners, and all that this one did not get. */
  async catchUp(runnerId: string): Promise<void> {
    await Promise.all(this.#all().map((spans) => spans.catchUp(runnerId)));
  }

  /** Has all that ended before the call wait for its runners: those that sleep in a poll are answered with it. */
  async flush(): Promise<void> {
    await Promise.all(this.#all().map((spans) => spans.flush()));
  }

  /** Whether something waits for a runner. */
  isReady(runnerId: string): boolean {
    return this.#all().some((spans) => spans.isReady(runnerId));
  }

  /** What an answer to a runner brings. */
  take(runnerId: string): ClosedSpansMessage[] {
    return [...this.#byPurpose].flatMap(([purpose, spans]) =>
      spans
        .take(runnerId)
        .map(({ id, traces, tasks }) => create(ClosedSpansSchema, { id, purpose, traces, tasks: [...tasks] })),
    );
  }

  /** A runner has stopped; it may call again. */
  left(runnerId: string): void {
    for (const spans of this.#byPurpose.values()) spans.left(runnerId);
  }

  /** A call of a runner was cut off; it may call again, and may have done so already. */
  cutOff(runnerId: string): void {
    for (const spans of this.#byPurpose.values()) spans.cutOff(runnerId);
  }

  /** Ends. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#all().map((spans) => spans.stop()));
  }

  #of(purpose: ClosedSpanPurpose): ClosedSpans {
    const known = this.#byPurpose.get(purpose);
    if (known) return known;
    const { random, ...options } = this.#options;
    // Runners say which came by these numbers, and may say so to another server.
    const firstId = BigInt(Math.floor(random() * 2 ** 42)) * 2n ** 20n;
    const made = new ClosedSpans({ ...options, firstId, ready: (runnerId) => this.#ready(runnerId) });
    this.#byPurpose.set(purpose, made);
    return made;
  }

  #all(): ClosedSpans[] {
    return [...this.#byPurpose.values()];
  }
}

import type { OtlpPayload } from "../telemetry/telemetry.ts";

/** What is known of a piece of work; names by OpenTelemetry's conventions or in `spanloom.`. */
export type WorkAttributes = Readonly<Record<string, string | number | boolean>>;

/** Headers of a request, as Node has them. */
export type CallHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A piece of the server's own work while it goes on. */
export interface WorkSpan {
  /** Notes an error as an event; the work may be sound all the same, as when a caller asked for what is not there. */
  note(error: unknown): void;
  /** Notes an error as an event, and that the work failed. */
  fail(error: unknown): void;
  /** Links those on whose behalf it is done, too. */
  join(callers: Iterable<WorkSpan | undefined>): void;
  /** Ends it. What is ended or discarded stays so. */
  end(attributes?: WorkAttributes): void;
  /** Forgets it, and all that is begun within it. */
  discard(): void;
}

/**
 * Traces the server's own work for those who run it; parts that may be traced are handed one, or undefined.
 *
 * I1. Nothing waits for it and nothing fails by it: spans go to a bounded buffer, and what has no room there is counted.
 * I2. Off is undefined: a part then pays for one look.
 * I3. It never traces what its own spans cause: telemetry that holds them is told by `isOwn`, and whoever takes, stores or
 *     forwards nothing else makes no span.
 */
export interface SelfTracer {
  /** Begins to serve a call from outside, in the trace that its headers name. */
  call(name: string, headers: CallHeaders, attributes: WorkAttributes): WorkSpan;
  /** Begins a part of what goes on now; something of its own when that is nothing. */
  part(name: string, attributes?: WorkAttributes): WorkSpan;
  /** Begins something of its own. */
  own(name: string, attributes?: WorkAttributes): WorkSpan;
  /**
   * Begins what is done at once for several: a part of the first that is recorded, with links to the others. Recorded only
   * when one of them is; when there is none, as something of its own.
   */
  shared(name: string, callers: Iterable<WorkSpan | undefined>): WorkSpan;
  /** What goes on now. */
  current(): WorkSpan | undefined;
  /** Runs something as what goes on now. */
  run<T>(span: WorkSpan, work: () => T): T;
  /** Whether telemetry holds spans of self-tracing, whichever server's. */
  isOwn(payloads: readonly OtlpPayload[]): boolean;
}

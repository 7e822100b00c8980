import { type ArrowChunk, SpanloomError } from "@spanloom/protocol";
import type { RecordBatch, TypeMap } from "apache-arrow";
import type { RunOptions } from "./arrow-query.ts";
import { invalidField } from "./invalid.ts";
import { readChunk } from "./read-arrow.ts";
import { type Selection, type SelectionFields, toSelectionFields } from "./selection.ts";

/** Where to begin to follow. */
export interface TailInput {
  /** Begin with what matches already. Default false. */
  readonly existing?: boolean;
  /** Go on where an earlier tail was, by what its `onPosition` told last. `existing` has no meaning then. */
  readonly position?: string;
}

/** How to follow. */
export interface TailOptions {
  /** Ends the tail, which is no error. */
  readonly signal?: AbortSignal;
  /**
   * Told how far the loop has come, whenever it asks for more: keep it, and a later tail goes on after it. What a lost
   * connection cuts off comes again from there.
   */
  readonly onPosition?: (position: string) => void;
  /** Told that the connection was lost, or the server is away; it is tried again, after up to 5 s. */
  readonly onInterrupted?: (error: SpanloomError) => void;
}

/** The fields of a request to follow, whatever its filter is. */
export interface TailRequest {
  position: string;
}

/** A message of the answer. */
export interface TailMessage {
  readonly chunk?: ArrowChunk | undefined;
  readonly position: string;
}

/** Sends a request to follow. */
export type SendTail<Request> = (request: Request, options: RunOptions) => AsyncIterable<TailMessage>;

/** After how long a lost connection is made again, at first and at most. */
const RETRY_MS = { first: 200, most: 5_000 };

/**
 * Rows as they come: a query without an end, but for that of the jobs it names.
 *
 * A span comes each time it changed, as it is then, within about a second; while open its `end_time` and `duration_ns`
 * are null. It may come more than once unchanged, and is not sent when it no longer matches. A log record comes once,
 * rarely twice.
 *
 * A connection that is lost is made again, and nothing is missed meanwhile.
 */
export class Tail<Columns extends TypeMap, Request extends TailRequest = TailRequest> {
  readonly #send: SendTail<Request>;
  readonly #request: () => Request;

  constructor(send: SendTail<Request>, request: () => Request) {
    this.#send = send;
    this.#request = request;
  }

  /**
   * Follows until the jobs that are named have ended, the signal aborts or the loop is left.
   *
   * Each batch has dictionaries of its own.
   *
   * Errors: as other queries, as long as the server has not answered; then those that are not transient.
   */
  async *stream(options: TailOptions = {}): AsyncGenerator<RecordBatch<Columns>, void, undefined> {
    const { signal, onPosition, onInterrupted } = options;
    let request = this.toRequest();
    let isHeard = false;
    for (let failures = 0; !signal?.aborted; failures++) {
      try {
        for await (const { chunk, position } of this.#send(request, signal ? { signal } : {})) {
          isHeard = true;
          failures = 0;
          if (chunk) for (const { batches } of readChunk<Columns>(chunk)) yield* batches;
          if (position === "" || position === request.position) continue;
          request = { ...request, position };
          onPosition?.(position);
        }
        return;
      } catch (error) {
        if (signal?.aborted) return;
        if (!(isHeard && error instanceof SpanloomError && error.retryable)) throw error;
        onInterrupted?.(error);
      }
      await pause(Math.min(RETRY_MS.first * 2 ** failures, RETRY_MS.most), signal);
    }
  }

  /** The request this sends at first. Errors: INVALID_FIELD. */
  toRequest(): Request {
    return this.#request();
  }
}

/** The fields of a request to follow that a selection and an input decide. Errors: INVALID_FIELD. */
export function toTailFields(
  selection: Selection,
  { existing = false, position = "" }: TailInput,
): Pick<SelectionFields, "columns" | "attributeColumns"> & { includeExisting: boolean; position: string } {
  const { orderBy, limit } = selection;
  if (orderBy.length > 0) throw invalidField("orderBy", orderBy, "cannot be kept by a tail");
  if (limit !== undefined) throw invalidField("limit", limit, "has no meaning for a tail");
  const { columns, attributeColumns } = toSelectionFields(selection);
  return { columns, attributeColumns, includeExisting: existing, position };
}

/** Resolves after a while, or when the signal aborts. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (signal?.aborted) done();
    else signal?.addEventListener("abort", done);
  });
}

import { create } from "@bufbuild/protobuf";
import { type ArrowChunk, type SpanFilter, type TailSpansRequest, TailSpansRequestSchema } from "@spanloom/protocol";
import type { RecordBatch, TypeMap } from "apache-arrow";
import type { RunOptions } from "./arrow-query.ts";
import { invalidField } from "./invalid.ts";
import { readBatches } from "./read-arrow.ts";
import type { Selection } from "./selection.ts";

/** How to follow spans. */
export interface TailInput {
  /** Begin with the spans that match already. Default false. */
  readonly existing?: boolean;
}

/** Sends a request to follow spans. */
export type SendTail = (request: TailSpansRequest, options: RunOptions) => AsyncIterable<ArrowChunk>;

/**
 * Spans as they open, change and end: a query without an end.
 *
 * A span comes each time it changed, as it is then, within about a second; while open its `end_time` and `duration_ns`
 * are null. It may come more than once unchanged, and is not sent when it no longer matches.
 */
export class SpanTail<Columns extends TypeMap> {
  readonly #send: SendTail;
  readonly #filter: () => SpanFilter;
  readonly #selection: Selection;
  readonly #input: TailInput;

  constructor(send: SendTail, filter: () => SpanFilter, selection: Selection, input: TailInput) {
    this.#send = send;
    this.#filter = filter;
    this.#selection = selection;
    this.#input = input;
  }

  /**
   * Follows until the loop is left or the signal aborts; each batch has dictionaries of its own.
   *
   * Errors: as other queries; SHUTTING_DOWN (transient) when the server stops.
   */
  async *stream(options: RunOptions = {}): AsyncGenerator<RecordBatch<Columns>, void, undefined> {
    yield* readBatches<Columns>(this.#send(this.toRequest(), options));
  }

  /** The request this sends. Errors: INVALID_FIELD. */
  toRequest(): TailSpansRequest {
    const { columns, orderBy, limit } = this.#selection;
    if (orderBy.length > 0) throw invalidField("orderBy", orderBy, "cannot be kept by a tail");
    if (limit !== undefined) throw invalidField("limit", limit, "has no meaning for a tail");
    const named = columns.filter((column) => typeof column === "string");
    const other = columns.find((column) => typeof column !== "string");
    if (other !== undefined) throw invalidField("columns", other, "is an attribute, which a tail does not project");
    return create(TailSpansRequestSchema, {
      filter: this.#filter(),
      columns: named,
      includeExisting: this.#input.existing ?? false,
    });
  }
}

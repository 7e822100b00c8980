import { create } from "@bufbuild/protobuf";
import { type ArrowChunk, type CompareJobsRequest, CompareJobsRequestSchema } from "@spanloom/protocol";
import type { ComparisonColumns } from "./aggregate-schema.ts";
import { ArrowQuery, type RunOptions } from "./arrow-query.ts";

/** Two jobs to compare, by id. */
export interface ComparisonInput {
  /** The one to compare with. */
  readonly base: string;
  /** The one that may be slower or faster. */
  readonly other: string;
}

/** Sends a request for a comparison. */
export type SendComparison = (request: CompareJobsRequest, options: RunOptions) => AsyncIterable<ArrowChunk>;

/**
 * A comparison of two jobs by span name: what got slower, faster, appeared and vanished; what changed most comes first.
 *
 * Errors: as other queries; JOB_NOT_FOUND (caller) when no span of a job is stored.
 */
export class ComparisonQuery extends ArrowQuery<ComparisonColumns> {
  readonly #input: ComparisonInput;

  constructor(send: SendComparison, input: ComparisonInput) {
    super((options) => send(this.toRequest(), options));
    this.#input = input;
  }

  /** The request this query sends. */
  toRequest(): CompareJobsRequest {
    const { base, other } = this.#input;
    return create(CompareJobsRequestSchema, { baseJobId: base, otherJobId: other });
  }
}

import { invalidOption } from "../environment.ts";
import type { ShapeOptions } from "./shape-options.ts";

/** A record's trace, as far as sampling looks at it. */
export interface Sampled {
  /** 16 bytes; empty for a log record outside of any trace. */
  readonly traceId: Uint8Array;
  /** W3C trace flags in the low 8 bits. */
  readonly flags: number;
}

const SAMPLED = 1;

/**
 * Whether records are given on; undefined when all are.
 *
 * Errors: INVALID_FIELD for a ratio outside of 0 to 1.
 * Source: the ratio is decided as by TraceIdRatioBasedSampler of @opentelemetry/sdk-trace-base.
 */
export function samplerOf(sampling: ShapeOptions["sampling"]): ((record: Sampled) => boolean) | undefined {
  if (sampling === undefined || sampling === "always" || sampling === 1) return undefined;
  if (sampling === "parent") return ({ traceId, flags }) => traceId.byteLength === 0 || (flags & SAMPLED) !== 0;
  if (!(sampling >= 0 && sampling <= 1)) throw invalidOption("sampling", sampling, "is not a number from 0 to 1");
  const bound = Math.floor(sampling * 0xffffffff);
  return ({ traceId }) => traceId.byteLength === 0 || fold(traceId) < bound;
}

/** The four words of a trace id in one. */
function fold(traceId: Uint8Array): number {
  let word = 0;
  for (let at = 0; at + 4 <= traceId.byteLength; at += 4)
    word ^= (traceId[at]! << 24) | (traceId[at + 1]! << 16) | (traceId[at + 2]! << 8) | traceId[at + 3]!;
  return word >>> 0;
}

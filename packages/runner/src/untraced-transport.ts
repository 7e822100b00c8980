import type { Transport } from "@connectrpc/connect";
import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";

/** A context that belongs to no attempt, and in which instrumentations see nothing to trace. */
export const untraced = suppressTracing(ROOT_CONTEXT);

/**
 * A transport whose calls no instrumentation traces.
 *
 * A runner's calls often leave from within an attempt: its spans wake the loop that sends them. Traced there, each
 * would add a span to the attempt that has to be sent in turn.
 */
export function untracedTransport(transport: Transport): Transport {
  return {
    unary: (...call) => context.with(untraced, () => transport.unary(...call)),
    stream: (...call) => context.with(untraced, () => transport.stream(...call)),
  };
}

import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorDetailSchema } from "@spanloom/protocol";

const connectionCodes: ReadonlySet<Code> = new Set([Code.Unavailable, Code.Aborted, Code.Canceled]);

/**
 * Whether a call failed for want of a connection: refused, reset, or closed in the midst of the answer. No server
 * described such a failure, and each HTTP stack has codes of its own for it: a reset one is ABORTED in Node, a stream that
 * just ends INVALID_ARGUMENT, and a TypeError of `fetch` in a browser.
 */
export function isLostConnection(error: unknown): error is ConnectError {
  if (!(error instanceof ConnectError) || error.findDetails(ErrorDetailSchema).length > 0) return false;
  if (connectionCodes.has(error.code)) return true;
  if (error.rawMessage.includes("missing EndStreamResponse")) return true;
  const { cause } = error;
  return cause instanceof TypeError || (cause instanceof Error && "code" in cause && typeof cause.code === "string");
}

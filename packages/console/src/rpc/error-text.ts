import { ConnectError } from "@connectrpc/connect";
import { fromConnectError, SpanloomError } from "@spanloom/protocol";

/** An error as a person reads it: the server's own sentence, and what the catalogue calls it. */
export interface ErrorText {
  message: string;
  reason: string | undefined;
}

export function errorText(error: unknown): ErrorText {
  if (error instanceof SpanloomError) return { message: error.message, reason: error.reason };
  const connect = ConnectError.from(error);
  const known = fromConnectError(connect);
  return { message: known.message, reason: connect.details.length > 0 ? known.reason : undefined };
}

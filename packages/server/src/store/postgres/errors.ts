import { SpanloomError } from "@spanloom/protocol";

/** SQLSTATE of an error; the code of the operating system when there is none; undefined when neither raised it. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  return error.code;
}

/** Classes and codes that tell of a server or a connection that will be there again, or of a lock held by somebody else. */
const UNAVAILABLE =
  /^(08|40|57P0[1-5]|57014|55P03|25P0[23]|25P04|58|E(CONN|PIPE|HOST|NET|TIMEDOUT|NOTFOUND|AI_AGAIN|ADDR))/;
/** Disk full, out of memory, too many connections, configured limits. */
const OVERLOADED = /^(53|54000)/;
/** What `pg` says of a connection that is gone; such errors have no code. */
const CONNECTION_GONE =
  /Connection terminated|connection error|not queryable|was closed|Client has encountered|Client was closed|timeout expired/i;

/** Whether an error says that the connection is of no more use. */
export function isConnectionLost(error: unknown): boolean {
  const state = sqlState(error);
  if (state === undefined) return error instanceof Error && CONNECTION_GONE.test(error.message);
  return /^(08|57P0[1-5]|25P03|25P04|E)/.test(state);
}

/**
 * Whether an error tells of the machine or the network rather than of one operation.
 *
 * Repeating the operations one by one would meet it again.
 */
export function isMachineError(error: unknown): boolean {
  if (error instanceof SpanloomError) return error.retryable;
  const state = sqlState(error);
  return isConnectionLost(error) || (state !== undefined && (UNAVAILABLE.test(state) || OVERLOADED.test(state)));
}

/** Translates whatever the driver met into the catalogue. */
export function toStoreError(error: unknown): SpanloomError {
  if (error instanceof SpanloomError) return error;
  const state = sqlState(error);
  const told = error instanceof Error ? error.message || state : String(error);
  const message = `cannot write to the control-plane store: ${told}`;
  if (state !== undefined && OVERLOADED.test(state))
    return new SpanloomError("OVERLOADED", message, {}, { cause: error });
  return new SpanloomError(isMachineError(error) ? "STORE_UNAVAILABLE" : "INTERNAL", message, {}, { cause: error });
}

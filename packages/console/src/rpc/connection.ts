import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { ValueStore } from "../state/value-store.ts";

/** What the last calls tell of the server: not asked yet, answering, out of reach, or refusing the token. */
export type ConnectionState = "unknown" | "online" | "offline" | "unauthorized";

export const connection = new ValueStore<ConnectionState>("unknown");

/** Learns from each call how the connection is. */
export function observeConnection(store: ValueStore<ConnectionState>): Interceptor {
  return (next) => async (request) => {
    try {
      const answer = await next(request);
      store.set("online");
      return answer;
    } catch (error) {
      store.set(stateAfter(ConnectError.from(error)) ?? store.get());
      throw error;
    }
  };
}

/** What an error tells of the connection; undefined when it tells nothing, as when the page ended the call. */
export function stateAfter(error: ConnectError): ConnectionState | undefined {
  if (error.code === Code.Canceled) return undefined;
  if (error.code === Code.Unauthenticated) return "unauthorized";
  return isOutOfReach(error) ? "offline" : "online";
}

/** Whether nobody answered, or a proxy in the server's place: the server's own errors say why in a detail. */
function isOutOfReach({ code, cause, details }: ConnectError): boolean {
  // How browsers tell that a fetch did not come through.
  if (cause instanceof TypeError) return true;
  const isSilence = code === Code.Unavailable || code === Code.DeadlineExceeded;
  return isSilence && details.length === 0;
}

/** Calls back each time the server answers again after it was out of reach, until the answer is called. */
export function onBack(store: ValueStore<ConnectionState>, callback: () => void): () => void {
  let before = store.get();
  return store.subscribe(() => {
    const now = store.get();
    if (before === "offline" && now === "online") callback();
    before = now;
  });
}

import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { ErrorDetailSchema, SpanloomError, toConnectError } from "@spanloom/protocol";
import { errorNote } from "./told-error.ts";

/** Takes one line about a defect. */
export type Log = (line: string) => void;

/**
 * The one place where the server's errors become the protocol's.
 *
 * A SpanloomError keeps its reason, message and facts. What Connect itself found wrong with a request gets the
 * catalogue's reason. Anything else is a defect: it is logged with a reference, and the caller is given the reference,
 * not the text, which may name paths or rows.
 */
export function toWireError(error: unknown, log: Log, method: string): ConnectError {
  if (error instanceof SpanloomError && error.reason !== "INTERNAL") return toConnectError(error);
  if (error instanceof ConnectError && error.findDetails(ErrorDetailSchema).length > 0) return error;
  if (error instanceof ConnectError) return toConnectError(fromTransport(error) ?? defect(error, log, method));
  return toConnectError(defect(error, log, method));
}

/** What Connect reports of malformed, oversized, late and unknown calls, by its own codes and texts. */
function fromTransport(error: ConnectError): SpanloomError | undefined {
  const { code, rawMessage, cause } = error;
  const options = { cause: cause ?? error };
  if (code === Code.Internal && rawMessage.startsWith("parse binary"))
    return new SpanloomError("INVALID_FIELD", `cannot decode the request: ${rawMessage}`, {}, options);
  if (code === Code.InvalidArgument)
    return new SpanloomError("INVALID_FIELD", `cannot decode the request: ${rawMessage}`, {}, options);
  if (code === Code.ResourceExhausted && rawMessage.includes("readMaxBytes"))
    return new SpanloomError("LIMIT_EXCEEDED", `cannot read the request: ${rawMessage}`, limitOf(rawMessage), options);
  if (code === Code.Unimplemented)
    return new SpanloomError("UNIMPLEMENTED", `cannot serve the call: ${rawMessage}`, {}, options);
  if (code === Code.DeadlineExceeded)
    return new SpanloomError("DEADLINE_EXCEEDED", `cannot finish the call: ${rawMessage}`, {}, options);
  if (code === Code.Canceled || code === Code.Aborted || code === Code.Unavailable)
    return new SpanloomError("SHUTTING_DOWN", `cannot finish the call: ${rawMessage}`, {}, options);
  return undefined;
}

function limitOf(message: string): { limit?: number } {
  const limit = /readMaxBytes (\d+)/.exec(message)?.[1];
  return limit === undefined ? {} : { limit: Number(limit) };
}

function defect(error: unknown, log: Log, method: string): SpanloomError {
  const reference = crypto.randomUUID().slice(0, 8);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log(`error ${reference} in ${method}: ${text}`);
  return new SpanloomError(
    "INTERNAL",
    `cannot serve ${method}: a defect in the server, logged there as ${reference}`,
    { metadata: { reference } },
    { cause: error },
  );
}

/** Translates errors of calls that go through Connect's own machinery: streams, gRPC and gRPC-Web. */
export function errorInterceptor(log: Log): Interceptor {
  return (next) => async (request) => {
    const method = `${request.service.typeName}/${request.method.name}`;
    const note = request.contextValues.get(errorNote);
    const told = (error: ConnectError): ConnectError => {
      if (note) note.error = error;
      return error;
    };
    try {
      const response = await next(request);
      if (!response.stream) return response;
      const translate = (error: unknown) => told(toWireError(error, log, method));
      return { ...response, message: translated(response.message, request.signal, { translate, told }) };
    } catch (error) {
      throw told(toWireError(error, log, method));
    }
  };
}

async function* translated<T>(
  messages: AsyncIterable<T>,
  signal: AbortSignal,
  { translate, told }: { translate: (error: unknown) => ConnectError; told: (error: ConnectError) => ConnectError },
): AsyncIterable<T> {
  const iterator = messages[Symbol.asyncIterator]();
  // Over gRPC the adapter waits for ever to write to a client that left: what the messages hold is let go of at once.
  const leave = () => void iterator.return?.().catch(() => undefined); // nobody is left to tell
  signal.addEventListener("abort", leave);
  try {
    yield* { [Symbol.asyncIterator]: () => iterator };
  } catch (error) {
    // The adapter tells the messages of a stream that the client left in their midst: that is no defect.
    if (signal.aborted || goneCodes.has((error as NodeJS.ErrnoException).code)) throw told(toConnectError(gone(error)));
    throw translate(error);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/** Codes of what happens to a write when the client is gone. */
const goneCodes: ReadonlySet<string | undefined> = new Set(["ERR_STREAM_DESTROYED", "ECONNRESET", "EPIPE"]);

function gone(cause: unknown): SpanloomError {
  const message = "cannot finish the call: the client left or the server is stopping";
  return new SpanloomError("SHUTTING_DOWN", message, {}, { cause });
}

/** An error for a call the protocol declares and this server does not serve. */
export function unimplemented(method: string): SpanloomError {
  return new SpanloomError(
    "UNIMPLEMENTED",
    `cannot serve ${method}: this server does not implement it yet, see docs/status.md`,
  );
}

/** What a handler may know of the call it serves; Connect's HandlerContext is one. */
export interface CallContext {
  /** Aborts when the client is gone, its deadline has passed or the server stops. Also when the call is over. */
  readonly signal: AbortSignal;
  /** Whether the signal has aborted, where that can be told without making one. */
  readonly isCutOff?: boolean;
  /** Milliseconds left until the client's deadline; undefined without one. */
  timeoutMs(): number | undefined;
}

/** Serves one unary RPC: a decoded request in, a message out. */
export type UnaryHandler<Request, Response> = (request: Request, context: CallContext) => Promise<Response>;

import { type CallOptions, type Client, createClient, type Transport } from "@connectrpc/connect";
import { type ArrowChunk, fromConnectError, QueryService, SpanloomError } from "@spanloom/protocol";
import { defaultUrl, transportTo } from "@spanloom/query/platform";
import type { RunOptions } from "./arrow-query.ts";
import { type ComparisonInput, ComparisonQuery } from "./comparison-query.ts";
import { type CriticalPathInput, type CriticalPathQuery, criticalPathQuery } from "./critical-path.ts";
import { type LogColumnInput, type LogQuery, type LogQueryInput, logQuery } from "./log-query.ts";
import { isLostConnection } from "./lost-connection.ts";
import type { AnyLogColumns, AnySpanColumns, LogColumns, Selected, SpanColumns } from "./schema.ts";
import { type SpanColumnInput, type SpanQuery, type SpanQueryInput, spanQuery } from "./span-query.ts";

/** How to reach a server. */
export interface QueryClientOptions {
  /** Base URL of the server. Default `http://127.0.0.1:7171`; in a browser the origin of the page. */
  readonly url?: string;
  /** Bearer token with the scope `read`. Default: none is sent. */
  readonly token?: string;
  /** Connect transport to use instead of one over HTTP/1.1, or `fetch` in a browser. `url` is then only quoted. */
  readonly transport?: Transport;
  /**
   * Let the server compress its answers. Default false: on a fast network compressing Arrow costs more time than it
   * saves. Has no effect on a `transport` of one's own, nor in a browser, which decides by itself.
   */
  readonly compression?: boolean;
}

/**
 * Asks a server for spans and logs, as Arrow.
 *
 * It holds no connection open by itself and needs no closing.
 *
 * Concurrency: any number of queries may run at the same time.
 * Source: proto/spanloom/v1/query_service.proto.
 */
export class QueryClient {
  readonly #options: QueryClientOptions;
  #client: Promise<Client<typeof QueryService>> | undefined;

  constructor(options: QueryClientOptions = {}) {
    this.#options = options;
  }

  /** Base URL of the server. */
  get url(): string {
    return this.#options.url ?? defaultUrl();
  }

  /** Describes a query for spans; nothing is sent before one of its methods runs it. */
  spans<const Items extends readonly SpanColumnInput[] = readonly []>(
    input: SpanQueryInput<Items> = {},
  ): SpanQuery<Selected<SpanColumns, AnySpanColumns, Items>> {
    return spanQuery(
      {
        query: (request, options) => this.#chunks("spans", (client, call) => client.querySpans(request, call), options),
        aggregate: (request, options) =>
          this.#chunks("spans", (client, call) => client.aggregateSpans(request, call), options),
        tail: (request, options) => this.#run("spans", (client, call) => client.tailSpans(request, call), options),
      },
      input,
    );
  }

  /** Describes a comparison of two jobs by span name; nothing is sent before one of its methods runs it. */
  compare(input: ComparisonInput): ComparisonQuery {
    return new ComparisonQuery(
      (request, options) => this.#chunks("jobs", (client, call) => client.compareJobs(request, call), options),
      input,
    );
  }

  /** Describes a query for log records; nothing is sent before one of its methods runs it. */
  logs<const Items extends readonly LogColumnInput[] = readonly []>(
    input: LogQueryInput<Items> = {},
  ): LogQuery<Selected<LogColumns, AnyLogColumns, Items>> {
    return logQuery(
      {
        query: (request, options) => this.#chunks("logs", (client, call) => client.queryLogs(request, call), options),
        tail: (request, options) => this.#run("logs", (client, call) => client.tailLogs(request, call), options),
      },
      input,
    );
  }

  /** Describes a query for what decided how long a job took, or has taken so far. */
  criticalPath(jobId: string, { userSpans: includeUserSpans = false }: CriticalPathInput = {}): CriticalPathQuery {
    const what = "the critical path";
    return criticalPathQuery((options) =>
      this.#chunks(what, (client, call) => client.getCriticalPath({ jobId, includeUserSpans }, call), options),
    );
  }

  async *#chunks(what: string, call: Call<Answer>, options: RunOptions): AsyncGenerator<ArrowChunk, void, undefined> {
    for await (const { chunk } of this.#run(what, call, options)) if (chunk) yield chunk;
  }

  async *#run<Message>(
    what: string,
    call: Call<Message>,
    options: RunOptions,
  ): AsyncGenerator<Message, void, undefined> {
    // Whoever leaves the loop over the answer ends the call with it; the transport does not do so by itself.
    const left = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
    try {
      this.#client ??= this.#connect();
      const client = await this.#client;
      yield* call(client, callOptions({ ...options, signal }, this.#options.token));
    } catch (error) {
      options.signal?.throwIfAborted();
      throw this.#translate(what, error);
    } finally {
      left.abort();
    }
  }

  async #connect(): Promise<Client<typeof QueryService>> {
    const { transport, compression = false } = this.#options;
    return createClient(QueryService, transport ?? (await transportTo(this.url, compression)));
  }

  #translate(what: string, error: unknown): SpanloomError {
    if (isLostConnection(error)) {
      const message = `cannot query ${what} of ${this.url}: ${error.rawMessage}`;
      return new SpanloomError("STORE_UNAVAILABLE", message, {}, { cause: error });
    }
    const known = fromConnectError(error);
    if (known.message.startsWith("cannot ")) return known;
    const message = `cannot query ${what} of ${this.url}: ${known.message}`;
    return new SpanloomError(known.reason, message, known.facts, { cause: error });
  }
}

type Answer = { chunk?: ArrowChunk | undefined };
type Call<Message> = (client: Client<typeof QueryService>, options: CallOptions) => AsyncIterable<Message>;

function callOptions({ signal, timeoutMs }: RunOptions, token: string | undefined): CallOptions {
  return {
    ...(signal && { signal }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
  };
}

import { BackendProgram, freePorts } from "./backend-program.ts";
import { type PlainSpan, plainSpans } from "./plain-spans.ts";

/** Jaeger on loopback, with what it gets in memory. */
export interface Jaeger extends AsyncDisposable {
  /** Where it takes OTLP over HTTP, a base URL. */
  readonly httpUrl: string;
  /** Where it takes OTLP over gRPC. */
  readonly grpcUrl: string;
  /** What its query API gives of a trace, by span id; nothing when it does not know the trace. */
  spans(traceId: string): Promise<Map<string, PlainSpan[]>>;
}

/** Starts Jaeger. */
export async function startJaeger(program: string): Promise<Jaeger> {
  const [http, grpc, query, queryGrpc] = (await freePorts(4)) as [number, number, number, number];
  const backend = await BackendProgram.start(program, () => configOf({ http, grpc, query, queryGrpc }));
  return {
    httpUrl: `http://127.0.0.1:${http}`,
    grpcUrl: `http://127.0.0.1:${grpc}`,
    spans: async (traceId) => plainSpans([await traceOf(`http://127.0.0.1:${query}/api/v3/traces/${traceId}`)]),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

/** A trace as version 3 of the query API gives it, which is OTLP's JSON in an envelope. */
async function traceOf(url: string): Promise<unknown> {
  const answer = await fetch(url);
  if (answer.status === 404) return {};
  if (!answer.ok) throw new Error(`cannot read a trace from Jaeger: it answered ${answer.status}`);
  return ((await answer.json()) as { result: unknown }).result;
}

function configOf(ports: Record<"http" | "grpc" | "query" | "queryGrpc", number>): string {
  return `
service:
  extensions: [jaeger_storage, jaeger_query]
  telemetry: { metrics: { level: none } }
  pipelines:
    traces: { receivers: [otlp], exporters: [jaeger_storage_exporter] }
extensions:
  jaeger_storage: { backends: { memory: { memory: { max_traces: 1000 } } } }
  jaeger_query:
    storage: { traces: memory }
    http: { endpoint: "127.0.0.1:${ports.query}" }
    grpc: { endpoint: "127.0.0.1:${ports.queryGrpc}" }
receivers:
  otlp:
    protocols:
      grpc: { endpoint: "127.0.0.1:${ports.grpc}" }
      http: { endpoint: "127.0.0.1:${ports.http}" }
exporters:
  jaeger_storage_exporter: { trace_storage: memory }
`;
}

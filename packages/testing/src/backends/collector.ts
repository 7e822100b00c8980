import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { BackendProgram, freePorts } from "./backend-program.ts";
import { type PlainSpan, plainSpans } from "./plain-spans.ts";

/** An OpenTelemetry Collector on loopback that keeps what it gets. */
export interface Collector extends AsyncDisposable {
  /** Where it takes OTLP over HTTP, a base URL. */
  readonly httpUrl: string;
  /** Where it takes OTLP over gRPC. */
  readonly grpcUrl: string;
  /** What it got so far, by span id; a span it got twice is there twice. */
  spans(): Promise<Map<string, PlainSpan[]>>;
}

/** Starts the collector's program. */
export async function startCollector(program: string): Promise<Collector> {
  const [http, grpc] = (await freePorts(2)) as [number, number];
  const backend = await BackendProgram.start(program, (folder) => configOf({ http, grpc, file: join(folder, "otlp") }));
  return {
    httpUrl: `http://127.0.0.1:${http}`,
    grpcUrl: `http://127.0.0.1:${grpc}`,
    spans: async () => plainSpans(await requestsOf(join(backend.folder, "otlp"))),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

/** Requests the file exporter wrote, one a line; the last line may be half written. */
async function requestsOf(file: string): Promise<unknown[]> {
  const text = await readFile(file, "utf8");
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
}

function configOf({ http, grpc, file }: { http: number; grpc: number; file: string }): string {
  return `
receivers:
  otlp:
    protocols:
      grpc: { endpoint: "127.0.0.1:${grpc}" }
      http: { endpoint: "127.0.0.1:${http}" }
exporters:
  file: { path: "${file}" }
  debug: {}
service:
  telemetry: { metrics: { level: none } }
  pipelines:
    traces: { receivers: [otlp], exporters: [file, debug] }
    logs: { receivers: [otlp], exporters: [file, debug] }
`;
}

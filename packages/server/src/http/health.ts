import type { HttpResponse } from "./http-response.ts";

/** What GET answers tell of the server. */
export interface Health {
  /** Whether stores are open and the server is not stopping. */
  ready(): boolean;
  version: string;
  /** Whether a browser gets the web console instead of the greeting. */
  hasConsole: boolean;
}

/** The header that tells the server's version, with every answer of this file. */
const VERSION_HEADER = "spanloom-version";

/** Answers `GET /`, `/healthz` and `/readyz`; false when the path is none of them. */
export function serveHealth(path: string, response: HttpResponse, health: Health): boolean {
  const [status, body] = answerTo(path, health) ?? [];
  if (status === undefined || body === undefined) return false;
  response.writeHead(status, {
    [VERSION_HEADER]: health.version,
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
  return true;
}

function answerTo(path: string, health: Health): [status: number, body: string] | undefined {
  if (path === "/healthz") return [200, "ok\n"];
  if (path === "/readyz") return health.ready() ? [200, "ready\n"] : [503, "not ready\n"];
  return path === "/" ? [200, greeting(health)] : undefined;
}

function greeting({ version, hasConsole }: Health): string {
  return [
    `Spanloom server ${version}`,
    "Runs workflows whose every job is an OpenTelemetry trace and whose every trace is an Arrow table.",
    "",
    "RPC     POST /spanloom.v1.JobService/SubmitJob and others: Connect, gRPC, gRPC-Web or JSON",
    "OTLP    POST /v1/traces, /v1/logs",
    "Events  POST /hooks/{name}",
    "Health  GET /healthz, /readyz",
    "Metrics GET /metrics, in Prometheus' text",
    hasConsole ? "Console open this address in a browser" : "Console not installed: npm install @spanloom/console",
    "",
  ].join("\n");
}

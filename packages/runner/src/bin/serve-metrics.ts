import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { prometheusContentType } from "@spanloom/metrics";

/** Where metrics are served. */
export interface MetricsAddress {
  host: string;
  port: number;
}

/** Metrics that are being served. */
export interface MetricsServer {
  /** Of the page. */
  readonly url: string;
  /** Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Serves `GET /metrics` in Prometheus' text.
 *
 * Errors: whatever the system says when the address cannot be listened on.
 */
export async function serveMetrics(
  { host, port }: MetricsAddress,
  write: () => Promise<string>,
  log: (line: string) => void,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.url?.split("?", 1)[0] !== "/metrics" || request.method !== "GET") {
      response.writeHead(404).end("only GET /metrics is served here\n");
      return;
    }
    write().then(
      (text) => response.writeHead(200, { "content-type": prometheusContentType }).end(text),
      (error: unknown) => {
        log(`cannot write metrics: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        response.writeHead(500).end();
      },
    );
  });
  server.listen(port, host);
  await once(server, "listening");
  // Metrics keep no program alive.
  server.unref();
  const address = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${address.port}/metrics`,
    stop: async () => {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

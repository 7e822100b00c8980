// An HTTP server in a process of its own, traced by OpenTelemetry alone; prints its port, and sends spans as OTLP in JSON.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { JsonSpanExporter } from "./json-span-exporter.ts";

const exporter = new JsonSpanExporter(process.argv[2]!, "callee");
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
const server = createServer((request, response) => {
  // An answer leaves once the spans of the requests before it have arrived: the last request is only for that.
  void exporter.forceFlush().then(() => response.end(request.headers.traceparent ?? "untraced"));
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));

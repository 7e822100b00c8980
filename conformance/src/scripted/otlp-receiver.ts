import { gunzipSync } from "node:zlib";
import { fromJsonString, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { ExportLogsServiceRequestSchema, ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";
import type { AnyRequest, AnyResponse } from "./loopback-listener.ts";

/** Serialized OTLP requests, as they travel with results. */
export interface OtlpPayloads {
  traces: Uint8Array[];
  logs: Uint8Array[];
}

/** Fields of OTLP's JSON that are hexadecimal where protobuf's has base64. */
const idFields: ReadonlySet<string> = new Set(["traceId", "spanId", "parentSpanId"]);

/**
 * Takes OTLP over HTTP at the paths that exporters use, in protobuf or JSON: a runner that writes JSON has no other way.
 *
 * Shape: `false` when the request is none of these, and is somebody else's to answer.
 * Errors: what is no OTLP is told to `refused`, and answered with 400; with 503 where `away` says so.
 */
export function receiveOtlp(
  request: AnyRequest,
  response: AnyResponse,
  told: { away: () => boolean; taken: (payloads: OtlpPayloads) => void; refused: (error: Error) => void },
): boolean {
  const traces = request.url === "/v1/traces";
  if (request.method !== "POST" || !(traces || request.url === "/v1/logs")) return false;
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const json = request.headers["content-type"]?.startsWith("application/json") ?? false;
    if (told.away()) return answer(response, 503, json);
    try {
      const body = Buffer.concat(chunks);
      const plain = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
      const schema = traces ? ExportTraceServiceRequestSchema : ExportLogsServiceRequestSchema;
      const payload = json ? fromOtlpJson<Message>(schema, plain.toString()) : plain;
      told.taken({ traces: traces ? [payload] : [], logs: traces ? [] : [payload] });
      answer(response, 200, json);
    } catch (error) {
      told.refused(error instanceof Error ? error : new Error(String(error)));
      answer(response, 400, json);
    }
  });
  return true;
}

/** OTLP's JSON as a serialized message. */
function fromOtlpJson<Request extends Message>(schema: GenMessage<Request>, text: string): Uint8Array {
  const json = JSON.stringify(JSON.parse(text), (name, value) =>
    idFields.has(name) && typeof value === "string" ? Buffer.from(value, "hex").toString("base64") : value,
  );
  return toBinary(schema, fromJsonString(schema, json, { ignoreUnknownFields: true }));
}

/** An empty message: all was taken, or nothing is said of why not. */
function answer(response: AnyResponse, status: number, json: boolean): void {
  response.statusCode = status;
  response.setHeader("content-type", json ? "application/json" : "application/x-protobuf");
  response.end(json ? "{}" : "");
}

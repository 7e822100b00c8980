import { attemptSpanId, hexToBytes, traceIdOfJob, withOrigin } from "@spanloom/protocol";
import { type AttributeValue, OtlpWriter } from "./otlp-writer.ts";

/** Which spans to make. */
export interface PayloadOptions {
  /** The job they belong to, by its trace and their tracestate. */
  jobId: string;
  spans: number;
  /** Spans in each request. */
  batch: number;
  /** The same seed and start give the same spans. */
  seed: number;
  /** When the first span starts. */
  startTimeMs: number;
  /** Tasks whose first attempts they lie below. Default: tasks that are nowhere. */
  taskIds?: readonly string[];
}

const TASKS = 100;
const METHODS = ["GET", "GET", "GET", "POST", "PUT", "DELETE", "PATCH"];
const RESOURCES = ["customers", "orders", "invoices", "carts", "products", "shipments", "reviews", "payments"];
const OPERATIONS = ["authorize", "load", "render", "query", "publish", "cache lookup", "serialize", "validate"];
const STATUS_CODES = [200, 200, 200, 200, 201, 204, 304, 400, 404, 500];

/**
 * Makes OTLP trace requests as a web service's tracer would send them: ten attributes a span, of which one is a path
 * with ids in it, two are numbers of wide range and the rest repeat; one span in fifty failed with an exception event.
 */
export function* spanPayloads(options: PayloadOptions): Generator<Buffer<ArrayBuffer>> {
  const random = generator(options.seed);
  const job = describeJob(options);
  const resource = resourceBytes();
  const spans = new OtlpWriter();
  for (let from = 0; from < options.spans; from += options.batch) {
    spans.clear();
    spans.raw(1, scopeBytes());
    const span = new OtlpWriter();
    for (let i = from; i < Math.min(from + options.batch, options.spans); i++) {
      span.clear();
      writeSpan(span, i, job, random);
      spans.raw(2, span.bytes());
    }
    yield wrap(resource, spans.bytes());
  }
}

interface JobFacts {
  traceId: Uint8Array;
  /** Parent and tracestate by task. */
  tasks: { attempt: Uint8Array; tracestate: string }[];
  startNs: bigint;
  /** Id of the span before. */
  lastId: Buffer;
}

function describeJob({ jobId, startTimeMs, taskIds = madeUpTasks(jobId) }: PayloadOptions): JobFacts {
  const tasks = taskIds.map((taskId) => ({
    attempt: hexToBytes(attemptSpanId(taskId, 1)),
    tracestate: withOrigin("", { jobId, taskId, attempt: 1 }),
  }));
  const startNs = BigInt(Math.round(startTimeMs)) * 1_000_000n;
  return { traceId: hexToBytes(traceIdOfJob(jobId)), tasks, startNs, lastId: Buffer.alloc(8) };
}

function madeUpTasks(jobId: string): string[] {
  return Array.from({ length: TASKS }, (_, i) => `${jobId.slice(0, 24)}${(i + 1).toString(16).padStart(12, "0")}`);
}

const SPANS_PER_TASK = 64;

function writeSpan(out: OtlpWriter, index: number, job: JobFacts, random: () => number): void {
  const task = job.tasks[Math.floor(index / SPANS_PER_TASK) % job.tasks.length]!;
  const isFirst = index % SPANS_PER_TASK === 0;
  // Every other span hangs under the one before it, so that the tree has some depth.
  const parent = isFirst || random() < 0.5 ? task.attempt : Buffer.from(job.lastId);
  job.lastId.writeUInt32LE(random() * 2 ** 32, 0);
  job.lastId.writeUInt32LE(random() * 2 ** 32, 4);
  const resource = pick(RESOURCES, random);
  const statusCode = pick(STATUS_CODES, random);
  const startNs = job.startNs + BigInt(index) * 1_000n + BigInt(Math.floor(random() * 1_000));
  const endNs = startNs + BigInt(Math.floor(Math.exp(random() * 12) * 1_000));
  out.raw(1, job.traceId);
  out.raw(2, job.lastId);
  out.text(3, task.tracestate);
  out.raw(4, parent);
  out.text(5, `${pick(OPERATIONS, random)} ${resource}`);
  out.varint(6, 1 + Math.floor(random() * 3));
  out.fixed64(7, startNs);
  out.fixed64(8, endNs);
  for (const [key, value] of attributes(resource, statusCode, random)) out.attribute(9, key, value);
  if (statusCode === 500 && random() < 0.2) writeFailure(out, endNs, resource);
  out.fixed32(16, 0x101);
}

function attributes(resource: string, statusCode: number, random: () => number): [string, AttributeValue][] {
  const id = Math.floor(random() * 1e6);
  return [
    ["http.request.method", pick(METHODS, random)],
    ["http.route", `/v1/${resource}/{id}`],
    ["url.path", `/v1/${resource}/${id}`],
    ["http.response.status_code", statusCode],
    ["server.address", `api-${Math.floor(random() * 8)}.internal`],
    ["user.id", `user-${Math.floor(random() * 50_000)}`],
    ["db.query.summary", `SELECT ${resource}`],
    ["cache.hit", random() < 0.7],
    ["http.response.body.size", Math.floor(random() * 100_000)],
    ["app.score", random() + 0.001],
  ];
}

function writeFailure(out: OtlpWriter, timeNs: bigint, resource: string): void {
  const event = new OtlpWriter();
  event.fixed64(1, timeNs);
  event.text(2, "exception");
  event.attribute(3, "exception.type", "UpstreamError");
  event.attribute(3, "exception.message", `cannot load ${resource}: upstream answered 500`);
  out.raw(11, event.bytes());
  const status = new OtlpWriter();
  status.text(2, "upstream answered 500");
  status.varint(3, 2);
  out.raw(15, status.bytes());
}

function resourceBytes(): Buffer {
  const resource = new OtlpWriter();
  resource.attribute(1, "service.name", "shop-api");
  resource.attribute(1, "service.version", "4.2.0");
  resource.attribute(1, "host.name", "host-17");
  resource.attribute(1, "telemetry.sdk.language", "nodejs");
  return resource.bytes();
}

function scopeBytes(): Buffer {
  const scope = new OtlpWriter();
  scope.text(1, "shop/http");
  scope.text(2, "1.0.0");
  return scope.bytes();
}

function wrap(resource: Buffer, scopeSpans: Buffer): Buffer<ArrayBuffer> {
  const resourceSpans = new OtlpWriter();
  resourceSpans.raw(1, resource);
  resourceSpans.raw(2, scopeSpans);
  const request = new OtlpWriter();
  request.raw(1, resourceSpans.bytes());
  return request.bytes();
}

function pick<Value>(values: readonly Value[], random: () => number): Value {
  return values[Math.floor(random() * values.length)]!;
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x = (x + Math.imul(x ^ (x >>> 7), x | 61)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import { hexToBytes, JobService, QueryService, type SpanFilterSchema, TaskService } from "@spanloom/protocol";
import { ExportTraceServiceRequestSchema, SpanSchema } from "@spanloom/protocol/otlp";
import { tableFromIPC } from "apache-arrow";

type Filter = MessageInitShape<typeof SpanFilterSchema>;

/** A job that runs: one task, its attempt and a user span below it are open. */
export interface OpenJob {
  jobId: string;
  runnerId: string;
}

/** Starts a job whose attempt is not reported, and sends what its code has open. */
export async function startOpenJob(transport: Transport): Promise<OpenJob> {
  const runnerId = crypto.randomUUID();
  const name = `open-${runnerId}`;
  const tasks = { specs: [{ identifier: { name } }], groups: [{ inputs: [new Uint8Array()], specs: [0] }] };
  const { job } = await createClient(JobService, transport).submitJob({ name: "open", tasks });
  const runner = createClient(TaskService, transport);
  const leased = await runner.leaseTasks({ runnerId, identifiers: [{ name }], maxTasks: 1, wait: { seconds: 10n } });
  const { trace, spanId } = leased.tasks[0]!;
  const text = (key: string, value: string) => ({ key, value: { value: { case: "stringValue" as const, value } } });
  const open = create(SpanSchema, {
    traceId: hexToBytes(trace!.traceparent.split("-")[1]!),
    spanId: crypto.getRandomValues(new Uint8Array(8)),
    parentSpanId: hexToBytes(spanId),
    traceState: trace!.tracestate,
    name: "download",
    startTimeUnixNano: BigInt(Date.now()) * 1_000_000n,
    endTimeUnixNano: 0n,
    status: { code: 2 },
    attributes: [
      { key: "tries", value: { value: { case: "intValue", value: 3n } } },
      text("spanloom.runner.id", runnerId),
      text("spanloom.queue", "default"),
    ],
    events: [{ name: "half way", timeUnixNano: BigInt(Date.now()) * 1_000_000n }],
  });
  const request = create(ExportTraceServiceRequestSchema, { resourceSpans: [{ scopeSpans: [{ spans: [open] }] }] });
  const traces = [toBinary(ExportTraceServiceRequestSchema, request)];
  await runner.leaseTasks({ runnerId, identifiers: [{ name }], maxTasks: 0, telemetry: { traces } });
  return { jobId: job!.id, runnerId };
}

const all = ["attempt", "job", "task", "user"];
const forEver = { seconds: 253_402_300_799n };

/** Conditions, and the types of open spans that they hold for. */
export const openSpanCases: readonly [string, (job: OpenJob) => Filter, readonly string[]][] = [
  ["open", () => ({ open: true }), all],
  ["ended", () => ({ open: false }), []],
  ["no shorter than nothing", () => ({ duration: { min: {} } }), []],
  ["no longer than for ever", () => ({ duration: { max: { seconds: 100_000n } } }), []],
  ["not longer than a day", () => ({ not: { duration: { min: { seconds: 86_400n } } } }), all],
  ["without an error", () => ({ statuses: [1] }), ["attempt", "job", "task"]],
  ["with an error, as yet", () => ({ statuses: [3] }), ["user"]],
  ["that succeeded", () => ({ outcomes: ["success"] }), []],
  ["that did not succeed", () => ({ not: { outcomes: ["success"] } }), all],
  ["of a type", () => ({ types: [1, 3] }), ["attempt", "job"]],
  ["of a kind", () => ({ kinds: [5] }), ["attempt"]],
  ["of a name", () => ({ names: [{ match: { case: "exact", value: "download" } }] }), ["user"]],
  ["of a runner", ({ runnerId }) => ({ runnerIds: [runnerId] }), ["attempt", "user"]],
  ["of a queue", () => ({ queues: ["default"] }), all],
  ["that started before some time", () => ({ time: { end: forEver } }), all],
  ["that started later", () => ({ time: { start: forEver } }), []],
  ["with an attribute as it is by now", () => ({ attributes: [{ key: "tries", comparison: 6, value: { case: "intValue", value: 3n } }] }), ["user"]], // biome-ignore format: one line each
  ["with an event that came already", () => ({ eventName: { match: { case: "exact", value: "half way" } } }), ["user"]],
  ["with an exception", () => ({ exception: { match: { case: "contains", value: "" } } }), []],
];

/** Types of the spans of a job that a filter holds for, in order. */
export async function openTypes(transport: Transport, { jobId }: OpenJob, filter: Filter): Promise<string[]> {
  const types: string[] = [];
  const request = { filter: { ...filter, jobIds: [jobId] }, columns: ["type", "end_time", "duration_ns"] };
  for await (const { chunk } of createClient(QueryService, transport).querySpans(request)) {
    for (const { type, end_time: end, duration_ns: ns } of tableFromIPC(chunk?.ipc ?? new Uint8Array())) {
      types.push(end === null && ns === null ? type : `${type} that ended`);
    }
  }
  return types.sort();
}

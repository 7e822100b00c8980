import { setTimeout as delay } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import {
  type HeartbeatRequest,
  HeartbeatResponseSchema,
  type LeaseTasksRequest,
  LeaseTasksResponseSchema,
  ReleaseReason,
  type ResultAck,
  ResultStatus,
  TaskFailureResultSchema,
  type TaskResult,
  type Telemetry,
} from "@spanloom/protocol";
import { changeAttributes, changeSpans } from "./change-telemetry.ts";
import type { Fault } from "./fault.ts";

/** Faults by name, each made anew for its runner. */
export const faults: Readonly<Record<string, () => Fault>> = {
  none: () => ({}),
  "wrong lease token": () => ({
    leasing: ({ results }) => {
      for (const result of results) result.leaseToken = new Uint8Array(16);
    },
  }),
  "forgets a result whose answer was lost": () => ({
    failed: ({ results }) =>
      results.length === 0 ? undefined : create(LeaseTasksResponseSchema, { resultAcks: results.map(okTo) }),
  }),
  "reports stale results again": () => {
    const again: TaskResult[] = [];
    return {
      leasing: (request) => void request.results.push(...again.splice(0)),
      leased: ({ resultAcks }, { results }) => {
        const stale = results.filter((_, at) => resultAcks[at]?.status === ResultStatus.STALE_LEASE);
        again.push(...stale);
      },
    };
  },
  "ignores cancellations": () => ({
    leased: (response) => void response.cancellations.splice(0),
    beaten: (response) => void response.cancelled.splice(0),
  }),
  "ignores lost leases": () => ({ beaten: (response) => void response.lost.splice(0) }),
  "sends no heartbeats": () => ({
    unsent: ({ running }: HeartbeatRequest) =>
      create(HeartbeatResponseSchema, { extended: running.map(({ taskId, attempt }) => ({ taskId, attempt })) }),
  }),
  "knows no deadlines": () => ({
    leased: ({ tasks }) => {
      for (const task of tasks) delete task.deadline;
    },
  }),
  "fails what it has no code for": () => ({
    leasing: ({ results }) => {
      for (const result of results) if (isUnknown(result)) result.outcome = failureOf("no such task");
    },
  }),
  "asks for more than it has room for": () => ({
    leasing: (request) => {
      if (request.maxTasks > 0) request.maxTasks += 50;
    },
  }),
  "reads one page of outputs": () => ({
    paged: (response) => {
      response.nextPageToken = "";
    },
  }),
  "sends telemetry after its result": () => {
    const late: Telemetry[] = [];
    return {
      leasing: (request) => {
        const held = request.telemetry;
        const due = late.shift();
        if (request.results.length > 0 && held) late.push(held);
        if (request.results.length > 0 || due) request.telemetry = due;
      },
    };
  },
  "gives spans no parent": () => ({
    leasing: (request) =>
      changeSpans(request, (span) => {
        span.parentSpanId = new Uint8Array();
      }),
  }),
  "does not say whose spans are": () => ({
    leasing: (request) => changeAttributes(request, (key) => !key.startsWith("spanloom.")),
  }),
  "hands on no tracestate": () => ({
    leased: ({ tasks }) => {
      for (const { trace } of tasks) if (trace) trace.tracestate = "";
    },
  }),
  "hands on no baggage": () => ({
    leased: ({ tasks }) => {
      for (const { trace } of tasks) if (trace) trace.baggage = "";
    },
  }),
  "loses what makes an error terminal": () => ({
    leasing: ({ results }) => {
      for (const { outcome } of results) if (outcome.case === "failure") delete outcome.value.failure?.retryable;
    },
  }),
  "loses children": () => ({
    leasing: ({ results }) => {
      for (const { outcome } of results) if (outcome.case === "success") delete outcome.value.children;
    },
  }),
  "loses progress": () => ({
    leasing: ({ results }) => {
      for (const result of results) result.progress = [];
    },
    beating: ({ running }) => {
      for (const attempt of running) attempt.progress = [];
    },
  }),
  "registers without its capacity": () => ({
    registering: (runner) => {
      runner.capacity = 0;
    },
  }),
  "leases after SIGTERM": () => ({
    signalled: async (service, runnerId) => {
      const request = { runnerId, queues: ["conformance"], identifiers: [{ name: "conformance.echo" }], maxTasks: 1 };
      // Until the process ends, which ends this thread.
      for (let leased = 0; leased === 0; await delay(20)) leased = (await service.leaseTasks(request)).tasks.length;
    },
  }),
  "says no goodbye": () => ({ silent: true }),
  "does not drain": () => ({
    leased: (response) => {
      response.drain = false;
    },
    beaten: (response) => {
      response.drain = false;
    },
  }),
  "refuses unknown fields": () => ({
    leased: (response) => {
      if (response.$unknown) throw new Error("cannot read the answer: it has an unknown field");
    },
  }),
};

function okTo({
  taskId,
  attempt,
}: LeaseTasksRequest["results"][number]): Pick<ResultAck, "taskId" | "attempt" | "status"> {
  return { taskId, attempt, status: ResultStatus.OK };
}

function isUnknown({ outcome }: TaskResult): boolean {
  return outcome.case === "released" && outcome.value.reason === ReleaseReason.UNKNOWN_IDENTIFIER;
}

function failureOf(message: string): TaskResult["outcome"] {
  return { case: "failure", value: create(TaskFailureResultSchema, { failure: { type: "Unknown", message } }) };
}

import { create } from "@bufbuild/protobuf";
import {
  DrainRunnerResponseSchema,
  durationFromMs,
  type Limits,
  type ListRunnersRequest,
  ListRunnersResponseSchema,
  type RegisterRunnerRequest,
  RegisterRunnerResponseSchema,
  RunnerService,
  RunnerState,
  UnregisterRunnerResponseSchema,
} from "@spanloom/protocol";
import type { Clock } from "../clock.ts";
import type { SpanHandout } from "../closed-spans/span-handout.ts";
import { boundedText, checkLimit, invalidField, requiredText } from "../engine/field.ts";
import { DEFAULT_QUEUE } from "../engine/submission.ts";
import { toIdentifiers } from "../engine/task-set.ts";
import { present } from "../present.ts";
import type { Store } from "../store/store.ts";
import type { LeaseWaiters } from "./lease-waiters.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";
import { pageSizeField, uuidField } from "./request-field.ts";
import { toRunner } from "./runner-message.ts";
import { type ServiceRoute, serviceRoute } from "./service-route.ts";

/** What RunnerService needs. */
export interface RunnerServiceOptions {
  store: Store;
  waiters: Pick<LeaseWaiters, "dismiss">;
  handout: Pick<SpanHandout, "left">;
  clock: Pick<Clock, "nowUs">;
  limits: Limits;
}

/** A runner heartbeats this often within one lease, so that two may be lost before the lease is. */
const HEARTBEATS_PER_LEASE = 3;

/** RunnerService over a store. */
export function runnerService(options: RunnerServiceOptions): ServiceRoute {
  const { store, waiters, handout } = options;
  return serviceRoute(RunnerService, {
    registerRunner: (request) => registerRunner(request, options),
    async unregisterRunner(request) {
      const runnerId = uuidField("runner_id", request.runnerId);
      // First, so that a poll which is leasing just now does so before its runner's leases are given back.
      waiters.dismiss(runnerId);
      handout.left(runnerId);
      await store.unregisterRunner(runnerId);
      return create(UnregisterRunnerResponseSchema);
    },
    listRunners: (request) => listRunners(request, options),
    async drainRunner(request) {
      await store.drainRunner(uuidField("runner_id", request.runnerId));
      return create(DrainRunnerResponseSchema);
    },
  });
}

async function registerRunner({ runner }: RegisterRunnerRequest, { store, clock, limits }: RunnerServiceOptions) {
  const receivedAtUs = clock.nowUs();
  if (!runner) throw invalidField("runner", "is absent");
  const text = (field: string, value: string) => boundedText(`runner.${field}`, value, limits.maxNameBytes);
  checkLimit("runner.queues", runner.queues.length, limits.maxPageSize, "queues");
  const queues = runner.queues.map((queue, i) => requiredText(`runner.queues[${i}]`, queue, limits.maxNameBytes));
  await store.registerRunner({
    id: uuidField("runner.id", runner.id),
    host: text("host", runner.host),
    pid: runner.pid,
    sdkName: text("sdk_name", runner.sdkName),
    sdkVersion: text("sdk_version", runner.sdkVersion),
    serviceName: text("service_name", runner.serviceName),
    serviceVersion: text("service_version", runner.serviceVersion),
    queues: queues.length === 0 ? [DEFAULT_QUEUE] : [...new Set(queues)],
    identifiers: toIdentifiers(runner.identifiers, "runner.identifiers", limits),
    capacity: runner.capacity,
  });
  return create(RegisterRunnerResponseSchema, {
    leaseDuration: durationFromMs(limits.defaultLeaseMs),
    heartbeatInterval: durationFromMs(limits.defaultLeaseMs / HEARTBEATS_PER_LEASE),
    maxRequestBytes: BigInt(limits.maxRequestBytes),
    maxOutputBytes: BigInt(limits.maxOutputBytes),
    receivedAtUnixNano: BigInt(Math.floor(receivedAtUs)) * 1000n,
    serverTimeUnixNano: BigInt(Math.floor(clock.nowUs())) * 1000n,
    closedSpans: true,
  });
}

async function listRunners(request: ListRunnersRequest, { store, limits }: RunnerServiceOptions) {
  const limit = pageSizeField(request.pageSize, limits);
  const states = request.states.length > 0 ? request.states : [RunnerState.ACTIVE, RunnerState.DRAINING];
  const query = { states, ...present({ queue: request.queue || undefined }) };
  const after = decodePageToken(request.pageToken, "runners", query);
  const found = await store.listRunners(query, { limit: limit + 1, ...present({ after }) });
  const page = found.slice(0, limit);
  return create(ListRunnersResponseSchema, {
    runners: page.map(toRunner),
    nextPageToken: found.length > limit ? encodePageToken("runners", query, page.at(-1)?.id ?? "") : "",
  });
}

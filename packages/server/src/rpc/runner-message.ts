import { create } from "@bufbuild/protobuf";
import { type Runner, RunnerSchema, timestampFromUs } from "@spanloom/protocol";
import { present } from "../present.ts";
import type { RunnerRecord } from "../store/store.ts";
import { toIdentifier } from "./task-message.ts";

/** A stored runner as the protocol's message. */
export function toRunner(record: RunnerRecord): Runner {
  return create(RunnerSchema, {
    id: record.id,
    host: record.host,
    pid: record.pid,
    sdkName: record.sdkName,
    sdkVersion: record.sdkVersion,
    serviceName: record.serviceName,
    serviceVersion: record.serviceVersion,
    queues: [...record.queues],
    identifiers: record.identifiers.map(toIdentifier),
    capacity: record.capacity,
    running: record.running,
    state: record.state,
    ...present({
      registeredAt: timestampFromUs(record.registeredAtUs),
      lastSeenAt: timestampFromUs(record.lastSeenAtUs),
    }),
  });
}

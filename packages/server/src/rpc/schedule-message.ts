import { create, fromBinary } from "@bufbuild/protobuf";
import {
  type PutScheduleRequest,
  PutScheduleRequestSchema,
  type Schedule,
  ScheduleSchema,
  timestampFromUs,
} from "@spanloom/protocol";
import { readTimes, type ScheduleTimes } from "../engine/trigger/schedule-definition.ts";
import { nextTime } from "../engine/trigger/schedule-times.ts";
import { present } from "../present.ts";
import type { DefinitionRecord } from "../store/trigger-store.ts";
import { toFiring } from "./firing-message.ts";

/** How many times to come are shown of a schedule. */
const SHOWN_TIMES = 5;

/** A stored schedule as the protocol's message. */
export function toSchedule(record: DefinitionRecord): Schedule {
  const request = scheduleRequest(record);
  const { lastFiring, lastError } = record;
  return create(ScheduleSchema, {
    id: record.id,
    name: record.name,
    description: request.description,
    overlap: request.overlap,
    keepFirings: record.keepFirings,
    paused: record.paused,
    pauseReason: record.pauseReason,
    nextTimes: nextTimesOf(record, readTimes(request.spec)).flatMap((us) => timestampFromUs(us) ?? []),
    lastError: lastError?.message ?? "",
    revision: BigInt(record.revision),
    ...present({
      spec: request.spec,
      job: request.job,
      catchUp: request.catchUp,
      createdAt: timestampFromUs(record.createdAtUs),
      updatedAt: timestampFromUs(record.updatedAtUs),
      lastFiring: lastFiring && toFiring(lastFiring),
      lastErrorAt: timestampFromUs(lastError?.atUs),
    }),
  });
}

/** The request that a schedule was put by. */
export function scheduleRequest({ body }: DefinitionRecord): PutScheduleRequest {
  return fromBinary(PutScheduleRequestSchema, body);
}

/** Those that are late are among them. */
function nextTimesOf({ nextAtUs, lastAtUs = 0 }: DefinitionRecord, { spec }: ScheduleTimes): number[] {
  if (nextAtUs === undefined) return [];
  return timesAfter(spec, lastAtUs, SHOWN_TIMES);
}

/** The first times of a schedule strictly after another. */
export function timesAfter(spec: ScheduleTimes["spec"], afterUs: number, count: number): number[] {
  const times: number[] = [];
  let next = nextTime(spec, afterUs);
  while (next !== undefined && times.length < count) {
    times.push(next);
    next = nextTime(spec, next);
  }
  return times;
}

import { setImmediate as nextTurn } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import {
  type BackfillScheduleRequest,
  BackfillScheduleResponseSchema,
  type FireScheduleRequest,
  FireScheduleResponseSchema,
  type TriggerService,
} from "@spanloom/protocol";
import { restAfter } from "../clock.ts";
import { boundedText, checkLimit, invalidField, requiredText } from "../engine/field.ts";
import { backfillFiring, type FiredSchedule, keyedFiringId, requestedFiring } from "../engine/trigger/fired-job.ts";
import { batchesByWeight } from "../engine/trigger/firing-batches.ts";
import { readSchedule, type ScheduleDefinition } from "../engine/trigger/schedule-definition.ts";
import { nextTime, timesBetween } from "../engine/trigger/schedule-times.ts";
import type { DefinitionRecord, FiringRecord, NewFiring } from "../store/trigger-store.ts";
import { definitionNotFound, findDefinition } from "./definition-change.ts";
import { toFiring } from "./firing-message.ts";
import { timeField } from "./request-field.ts";
import type { TriggerServiceOptions } from "./schedule-calls.ts";
import { scheduleRequest } from "./schedule-message.ts";
import type { Handlers } from "./service-route.ts";

const DEFAULT_BACKFILL = 1_000;
/** Times are found in some 20 microseconds each: after so many others are let in. */
const TIMES_PER_TURN = 100;

/** The calls that fire a schedule beside its times. */
export function scheduleFirings(options: TriggerServiceOptions) {
  return {
    backfillSchedule: (request) => backfillSchedule(request, options),
    fireSchedule: (request) => fireSchedule(request, options),
  } satisfies Handlers<typeof TriggerService>;
}

/** Each batch is a transaction: a call that is cut off is sent again, and goes on where it ended. */
async function backfillSchedule(request: BackfillScheduleRequest, options: TriggerServiceOptions) {
  const { triggers, clock } = options;
  const range = readRange(request, options);
  const { record, schedule, definition } = await readFired(request.name, options);
  const times = await timesOf(definition, range);
  const [newest] = await triggers.listFirings({ sourceId: record.id }, { limit: 1 });
  const firings: FiringRecord[] = [];
  const asked = times.map((timeUs) => () => backfillFiring(schedule, timeUs, clock.nowUs()));
  for (const batch of batchesByWeight(asked, () => definition.template.weight)) {
    const beganUs = clock.nowUs();
    const made = batch.map((make) => make());
    firings.push(...(await fire(record, made, options)));
    await restAfter(clock.nowUs() - beganUs, clock);
  }
  const isNew = ({ requested, seq }: FiringRecord): boolean => requested && seq > (newest?.seq ?? 0);
  return create(BackfillScheduleResponseSchema, {
    firings: firings.map(toFiring),
    fired: firings.filter(isNew).length,
  });
}

interface Range {
  fromUs: number;
  untilUs: number;
  limit: number;
}

function readRange(request: BackfillScheduleRequest, { wallNowUs, limits }: TriggerServiceOptions): Range {
  const fromUs = timeField("from", request.from);
  const untilUs = timeField("until", request.until);
  if (fromUs === undefined) throw invalidField("from", "is absent");
  if (untilUs === undefined) throw invalidField("until", "is absent");
  if (untilUs <= fromUs) throw invalidField("until", "is not after from");
  if (untilUs > wallNowUs()) throw invalidField("until", "lies ahead: times to come are the schedule's own to fire");
  checkLimit("max_firings", request.maxFirings, limits.maxFiringsPerBackfill, "firings");
  return { fromUs, untilUs, limit: request.maxFirings || DEFAULT_BACKFILL };
}

/** All times of a range. Errors: LIMIT_EXCEEDED when there are more than asked for. */
async function timesOf({ spec }: ScheduleDefinition, { fromUs, untilUs, limit }: Range): Promise<number[]> {
  const times: number[] = [];
  let next = nextTime(spec, fromUs - 1);
  while (next !== undefined && next < untilUs && times.length <= limit) {
    times.push(...timesBetween(spec, next, untilUs, Math.min(TIMES_PER_TURN, limit + 1 - times.length)));
    next = nextTime(spec, times.at(-1) ?? untilUs);
    await nextTurn();
  }
  checkLimit("max_firings", times.length, limit, "times from `from` to `until`, or more");
  return times;
}

async function fireSchedule(request: FireScheduleRequest, options: TriggerServiceOptions) {
  const { clock, limits, ids, wallNowUs } = options;
  const key = boundedText("idempotency_key", request.idempotencyKey, limits.maxNameBytes);
  const { record, schedule } = await readFired(request.name, options);
  const id = key === "" ? ids.next() : keyedFiringId(record.id, record.createdAtUs, key);
  const { trace } = request;
  const firing = requestedFiring(schedule, { id, atUs: wallNowUs(), nowUs: clock.nowUs(), trace });
  const [fired] = await fire(record, [firing], options);
  return create(FireScheduleResponseSchema, fired ? { firing: toFiring(fired) } : {});
}

interface ReadSchedule {
  record: DefinitionRecord;
  definition: ScheduleDefinition;
  schedule: FiredSchedule;
}

async function readFired(given: string, { triggers, limits }: TriggerServiceOptions): Promise<ReadSchedule> {
  const name = requiredText("name", given, limits.maxNameBytes);
  const record = await findDefinition(triggers, "schedule", name);
  const definition = readSchedule(scheduleRequest(record), limits);
  return { record, definition, schedule: { id: record.id, definition } };
}

/** Errors: SCHEDULE_NOT_FOUND when it was deleted meanwhile. */
async function fire(
  { id, name }: DefinitionRecord,
  firings: readonly NewFiring[],
  { triggers }: TriggerServiceOptions,
): Promise<readonly FiringRecord[]> {
  const [fired] = await triggers.fire([{ scheduleId: id, firings }]);
  if (fired) return fired;
  throw definitionNotFound("schedule", name);
}

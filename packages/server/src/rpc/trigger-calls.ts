import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  DeleteTriggerResponseSchema,
  GetTriggerResponseSchema,
  type ListTriggersRequest,
  ListTriggersResponseSchema,
  type PauseTriggerRequest,
  PauseTriggerResponseSchema,
  type PutTriggerRequest,
  PutTriggerRequestSchema,
  PutTriggerResponseSchema,
  type ResumeTriggerRequest,
  ResumeTriggerResponseSchema,
  type Trigger,
  TriggerSchema,
  type TriggerService,
  timestampFromUs,
} from "@spanloom/protocol";
import { boundedText, checkLimit, requiredText } from "../engine/field.ts";
import { canonicalTrigger, readTrigger, wantsJobEvents } from "../engine/trigger/trigger-definition.ts";
import { present } from "../present.ts";
import type { DefinitionRecord } from "../store/trigger-store.ts";
import { changeDefinition, definitionOf, findDefinition } from "./definition-change.ts";
import { listDefinitions } from "./definition-page.ts";
import { tellJobStates, toFiring } from "./firing-message.ts";
import type { TriggerServiceOptions } from "./schedule-calls.ts";
import type { Handlers } from "./service-route.ts";

const MAX_PAUSE_REASON_BYTES = 1024;

/** The calls about triggers. */
export function triggerCalls(options: TriggerServiceOptions) {
  const { triggers, store, limits } = options;
  const nameOf = ({ name }: { name: string }) => requiredText("name", name, limits.maxNameBytes);
  return {
    putTrigger: (request) => putTrigger(request, options),
    async getTrigger(request) {
      const record = await findDefinition(triggers, "trigger", nameOf(request));
      const trigger = toTrigger(record);
      await tellJobStates(store, [trigger.lastFiring]);
      return create(GetTriggerResponseSchema, { trigger });
    },
    listTriggers: (request) => listTriggers(request, options),
    async deleteTrigger(request) {
      const deleted = await triggers.delete("trigger", nameOf(request));
      return create(DeleteTriggerResponseSchema, { deleted });
    },
    pauseTrigger: (request) => pauseTrigger(request, options),
    resumeTrigger: (request) => resumeTrigger(request, options),
  } satisfies Handlers<typeof TriggerService>;
}

async function putTrigger(request: PutTriggerRequest, { triggers, limits, ids }: TriggerServiceOptions) {
  const definition = readTrigger(request, limits);
  const { name, keepFirings } = definition;
  const body = toBinary(PutTriggerRequestSchema, canonicalTrigger(request, definition), { writeUnknownFields: false });
  checkLimit("job", body.length, limits.maxDefinitionBytes, "bytes with what is around it");
  const put = await changeDefinition(triggers, { kind: "trigger", name }, (existing) => {
    if (existing && Buffer.compare(existing.body, body) === 0) return undefined;
    const { id = ids.next(), paused = request.paused, pauseReason = "" } = existing ?? {};
    const wanted = wantsJobEvents(definition);
    return { kind: "trigger", id, name, body, paused, pauseReason, keepFirings, wantsJobEvents: wanted && !paused };
  });
  const { created, changed } = put;
  return create(PutTriggerResponseSchema, { trigger: toTrigger(put.record), created, changed });
}

async function listTriggers(request: ListTriggersRequest, { triggers, store, limits }: TriggerServiceOptions) {
  const { records, nextPageToken } = await listDefinitions("trigger", request, { triggers, limits });
  const found = records.map(toTrigger);
  await tellJobStates(
    store,
    found.map(({ lastFiring }) => lastFiring),
  );
  return create(ListTriggersResponseSchema, { triggers: found, nextPageToken });
}

async function pauseTrigger(request: PauseTriggerRequest, { triggers, limits }: TriggerServiceOptions) {
  const pauseReason = boundedText("reason", request.reason, MAX_PAUSE_REASON_BYTES);
  const name = requiredText("name", request.name, limits.maxNameBytes);
  const { record } = await changeDefinition(triggers, { kind: "trigger", name }, (existing) => {
    if (!existing || (existing.paused && existing.pauseReason === pauseReason)) return undefined;
    return { ...definitionOf(existing), paused: true, pauseReason, wantsJobEvents: false };
  });
  return create(PauseTriggerResponseSchema, { trigger: toTrigger(record) });
}

async function resumeTrigger({ name: given }: ResumeTriggerRequest, { triggers, limits }: TriggerServiceOptions) {
  const name = requiredText("name", given, limits.maxNameBytes);
  const { record } = await changeDefinition(triggers, { kind: "trigger", name }, (existing) => {
    if (!existing?.paused) return undefined;
    const wanted = wantsJobEvents(triggerRequest(existing));
    return { ...definitionOf(existing), paused: false, pauseReason: "", wantsJobEvents: wanted };
  });
  return create(ResumeTriggerResponseSchema, { trigger: toTrigger(record) });
}

/** The request that a trigger was put by. */
function triggerRequest({ body }: DefinitionRecord): PutTriggerRequest {
  return fromBinary(PutTriggerRequestSchema, body);
}

/** A stored trigger as the protocol's message. */
function toTrigger(record: DefinitionRecord): Trigger {
  const { description, keyPattern, filter, job, input, inputTask, traceMode } = triggerRequest(record);
  const { lastFiring, lastError } = record;
  return create(TriggerSchema, {
    id: record.id,
    name: record.name,
    description,
    keyPattern,
    filter,
    input,
    inputTask,
    traceMode,
    keepFirings: record.keepFirings,
    paused: record.paused,
    pauseReason: record.pauseReason,
    lastError: lastError?.message ?? "",
    revision: BigInt(record.revision),
    ...present({
      job,
      createdAt: timestampFromUs(record.createdAtUs),
      updatedAt: timestampFromUs(record.updatedAtUs),
      lastFiring: lastFiring && toFiring(lastFiring),
      lastErrorAt: timestampFromUs(lastError?.atUs),
    }),
  });
}

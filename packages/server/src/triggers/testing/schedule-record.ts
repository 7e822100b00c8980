import { toBinary } from "@bufbuild/protobuf";
import { defaultLimits, PutScheduleRequestSchema } from "@spanloom/protocol";
import { canonicalSchedule, readSchedule } from "../../engine/trigger/schedule-definition.ts";
import { scheduleRequest } from "../../engine/trigger/testing/schedule-request.ts";
import type { DefinitionRecord } from "../../store/trigger-store.ts";

/** A schedule as a store has it, of every minute unless `request` says otherwise. */
export function scheduleRecord(
  record: Partial<DefinitionRecord>,
  request: Parameters<typeof scheduleRequest>[0] = {},
): DefinitionRecord {
  const message = scheduleRequest(request);
  const definition = readSchedule(message, defaultLimits);
  return {
    kind: "schedule",
    id: "01890000-0000-7000-8000-000000000001",
    name: message.name,
    body: toBinary(PutScheduleRequestSchema, canonicalSchedule(message, definition)),
    paused: false,
    pauseReason: "",
    keepFirings: definition.keepFirings,
    revision: 1,
    createdAtUs: 0,
    updatedAtUs: 0,
    ...record,
  };
}

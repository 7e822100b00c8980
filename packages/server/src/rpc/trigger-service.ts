import { create } from "@bufbuild/protobuf";
import { type ListFiringsRequest, ListFiringsResponseSchema, TriggerService } from "@spanloom/protocol";
import { boundedText } from "../engine/field.ts";
import { present } from "../present.ts";
import type { FiringQuery } from "../store/trigger-store.ts";
import { definitionNotFound } from "./definition-change.ts";
import { tellJobStates, toFiring, toFiringOutcomes } from "./firing-message.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";
import { pageSizeField } from "./request-field.ts";
import { scheduleCalls, type TriggerServiceOptions } from "./schedule-calls.ts";
import { scheduleFirings } from "./schedule-firings.ts";
import { type ServiceRoute, serviceRoute } from "./service-route.ts";
import { testTrigger } from "./test-trigger.ts";
import { triggerCalls } from "./trigger-calls.ts";

/** TriggerService over a store that keeps triggers; over one that keeps none every call answers UNIMPLEMENTED. */
export function triggerService(options: TriggerServiceOptions | undefined): ServiceRoute {
  if (!options) return serviceRoute(TriggerService, {});
  return serviceRoute(TriggerService, {
    ...scheduleCalls(options),
    ...scheduleFirings(options),
    ...triggerCalls(options),
    ...testTrigger(options),
    listFirings: (request) => listFirings(request, options),
  });
}

async function listFirings(request: ListFiringsRequest, options: TriggerServiceOptions) {
  const { triggers, store, limits } = options;
  const limit = pageSizeField(request.pageSize, limits);
  const query = await toFiringQuery(request, options);
  const position = decodePageToken(request.pageToken, "firings", query);
  const after = position === undefined ? undefined : Number(position);
  const isNone = request.schedule !== "" && request.trigger !== "";
  const found = isNone ? [] : await triggers.listFirings(query, { limit: limit + 1, ...present({ after }) });
  const page = found.slice(0, limit);
  const firings = page.map(toFiring);
  await tellJobStates(store, firings);
  return create(ListFiringsResponseSchema, {
    firings,
    nextPageToken: found.length > limit ? encodePageToken("firings", query, String(page.at(-1)?.seq)) : "",
  });
}

/** Errors: SCHEDULE_NOT_FOUND, TRIGGER_NOT_FOUND for a name that nobody has. */
async function toFiringQuery(request: ListFiringsRequest, { triggers, limits }: TriggerServiceOptions) {
  let sourceId: string | undefined;
  for (const kind of ["schedule", "trigger"] as const) {
    const name = boundedText(kind, request[kind], limits.maxNameBytes);
    if (name === "") continue;
    const source = await triggers.get(kind, name);
    if (!source) throw definitionNotFound(kind, name, kind);
    sourceId = source.id;
  }
  const eventId = boundedText("event_id", request.eventId, limits.maxNameBytes) || undefined;
  return present({ sourceId, eventId, outcomes: toFiringOutcomes(request.outcomes) }) satisfies FiringQuery;
}

import { type EventFilter, type Limits, SpanloomError } from "@spanloom/protocol";
import { boundedText } from "../engine/field.ts";
import { checkKeyPattern, keyQuery } from "../engine/trigger/key-pattern.ts";
import { quote } from "../engine/version.ts";
import { present } from "../present.ts";
import type { EventQuery } from "../store/trigger-store.ts";
import { toEventSources } from "./event-message.ts";
import { timeField } from "./request-field.ts";

/** Reads conditions on events. Errors: INVALID_FIELD, LIMIT_EXCEEDED. */
export function toEventQuery(filter: EventFilter | undefined, limits: Limits): EventQuery {
  if (filter === undefined) return {};
  if (filter.keyPattern !== "") checkKeyPattern(filter.keyPattern, "filter.key_pattern");
  return {
    ...(filter.keyPattern !== "" && keyQuery(filter.keyPattern)),
    ...present({
      receivedAfterUs: timeField("filter.received_after", filter.receivedAfter),
      receivedBeforeUs: timeField("filter.received_before", filter.receivedBefore),
      sources: toEventSources(filter.sources, "filter.sources"),
      webhook: boundedText("filter.webhook", filter.webhook, limits.maxNameBytes) || undefined,
    }),
  };
}

/** Tells that no event has this id, or has it any more. */
export function eventNotFound(id: string, field: string): SpanloomError {
  return new SpanloomError("EVENT_NOT_FOUND", `cannot find event: none has the id ${quote(id)}`, { field });
}

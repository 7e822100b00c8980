import { SpanloomError } from "@spanloom/protocol";
import { quote } from "../engine/version.ts";
import type { DefinitionKind, DefinitionRecord, NewDefinition, TriggerStore } from "../store/trigger-store.ts";

/** What became of a definition. */
export interface ChangedDefinition {
  record: DefinitionRecord;
  created: boolean;
  changed: boolean;
}

/** Of callers that change one definition at the same time, here and on other servers, one is through in each round. */
const MAX_ROUNDS = 100;

const notFound = {
  schedule: "SCHEDULE_NOT_FOUND",
  trigger: "TRIGGER_NOT_FOUND",
  webhook: "WEBHOOK_NOT_FOUND",
} as const;

/**
 * Changes a definition from what it is: reads it, asks what it is to be, and writes that unless somebody else was first.
 *
 * `change` is given undefined for one that is not there, and answers undefined to leave things as they are.
 *
 * Errors: STORE_UNAVAILABLE when others keep changing it; whatever `change` throws.
 */
export async function changeDefinition(
  triggers: Pick<TriggerStore, "get" | "put">,
  { kind, name }: { kind: DefinitionKind; name: string },
  change: (existing: DefinitionRecord | undefined) => NewDefinition | undefined,
): Promise<ChangedDefinition> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const existing = await triggers.get(kind, name);
    const definition = change(existing);
    if (definition === undefined) {
      if (existing) return { record: existing, created: false, changed: false };
      throw definitionNotFound(kind, name);
    }
    const record = await triggers.put(definition, existing?.revision ?? 0);
    if (record) return { record, created: existing === undefined, changed: true };
  }
  const message = `cannot change ${kind} ${quote(name)}: others changed it ${MAX_ROUNDS} times meanwhile`;
  throw new SpanloomError("STORE_UNAVAILABLE", message, { field: "name" });
}

/** A definition by name. Errors: SCHEDULE_NOT_FOUND, TRIGGER_NOT_FOUND, WEBHOOK_NOT_FOUND. */
export async function findDefinition(
  triggers: Pick<TriggerStore, "get">,
  kind: DefinitionKind,
  name: string,
): Promise<DefinitionRecord> {
  const found = await triggers.get(kind, name);
  if (found) return found;
  throw definitionNotFound(kind, name);
}

/** Tells that no definition of a kind has this name. */
export function definitionNotFound(kind: DefinitionKind, name: string, field = "name"): SpanloomError {
  return new SpanloomError(notFound[kind], `cannot find ${kind}: none has the name ${quote(name)}`, { field });
}

/** What to write of a definition to leave it as it is. */
export function definitionOf(record: DefinitionRecord): NewDefinition {
  const { kind, id, name, body, paused, pauseReason, nextAtUs, lastAtUs, wantsJobEvents, keepFirings } = record;
  return { kind, id, name, body, paused, pauseReason, nextAtUs, lastAtUs, wantsJobEvents, keepFirings };
}

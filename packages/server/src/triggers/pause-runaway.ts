import type { DefinitionRecord, NewDefinition, TriggerStore } from "../store/trigger-store.ts";

/** Pauses a trigger, as it stood when its batches were matched; one that changed since is left to be tried as it is now. */
export async function pauseRunaway(
  triggers: Pick<TriggerStore, "get" | "put">,
  { name, revision }: { name: string; revision: number },
  pauseReason: string,
): Promise<boolean> {
  const record = await triggers.get("trigger", name);
  if (!record || record.paused || record.revision !== revision) return false;
  const paused = { ...definitionOf(record), paused: true, pauseReason, wantsJobEvents: false };
  return (await triggers.put(paused, revision)) !== undefined;
}

function definitionOf(record: DefinitionRecord): NewDefinition {
  const { revision, createdAtUs, updatedAtUs, lastFiring, lastError, ...definition } = record;
  return definition;
}

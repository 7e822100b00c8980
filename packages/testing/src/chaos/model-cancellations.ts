import type { CancellationRecord } from "@spanloom/server/store";
import { reasonText } from "./enum-names.ts";
import { demand, type ModelTask } from "./model-state.ts";

/** Holds what a runner is told to stop to the attempts of it that were stopped; tells which of two reasons came first. */
export function checkTold(runnerId: string, stopped: readonly ModelTask[], told: readonly CancellationRecord[]): void {
  for (const { id, lease } of stopped) {
    if (told.some(({ taskId, reason }) => taskId === id && reason === lease!.orStop)) lease!.stop = lease!.orStop;
    lease!.orStop = undefined;
  }
  const wanted = stopped.map(({ id, attempts, lease }) => `${id} ${attempts.length} ${reasonText(lease!.stop!)}`);
  const seen = told.map(({ taskId, attempt, reason }) => `${taskId} ${attempt} ${reasonText(reason)}`);
  const [a, b] = [seen.sort().join(", "), wanted.sort().join(", ")];
  demand(a === b, () => `runner ${runnerId} was told to stop [${a}], the model says [${b}]`);
}

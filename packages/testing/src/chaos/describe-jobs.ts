import { outcomeText, taskStateText } from "./enum-names.ts";
import { type ModelState, type ModelTask, tasksOf } from "./model-state.ts";

/** The jobs a text names, or whose tasks it names, a line for each of their tasks as the model has them. */
export function describeJobs(state: ModelState, text: string): string[] {
  const jobs = [...state.jobs.values()].filter(({ id }) => {
    return text.includes(id) || tasksOf(state, id).some((task) => text.includes(task.id ?? "none"));
  });
  return jobs.flatMap(({ id, doom, failedTask, admitted, submitted }) => {
    const place = submitted.concurrency === undefined ? "" : `, ${admitted ? "holds" : "waits for"} a place`;
    return [
      `job ${id}: doom ${doom}, failed task ${failedTask ?? "none"}${place}`,
      ...tasksOf(state, id).map((task) => `  ${describeTask(task)}`),
    ];
  });
}

function describeTask({ key, id, state, parent, dependsOn, spec, attempts, failureType, lease }: ModelTask): string {
  const parts = [
    `${key} (${id?.slice(-6)}) ${taskStateText(state)}`,
    failureType,
    parent !== undefined && `child of ${parent}`,
    dependsOn.length > 0 && `after ${dependsOn}`,
    spec.optional && "optional",
    spec.concurrency && `${spec.concurrency.policy} ${spec.concurrency.key} of ${spec.concurrency.limit}`,
    spec.rateLimit && `${spec.rateLimit.key} of ${spec.rateLimit.limit}`,
    attempts.length > 0 && attempts.map(({ outcome }) => (outcome === 0 ? "running" : outcomeText(outcome))).join(","),
    lease && `lease ${lease.order}`,
  ];
  return parts.filter(Boolean).join(" ");
}

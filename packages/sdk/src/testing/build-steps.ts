import type { TaskSet } from "@spanloom/protocol";
import { type DependsOn, SubmissionBuilder, type TaskHandle } from "../submission-builder.ts";
import { type TaskOptions, task } from "../task.ts";
import { untagged } from "./vectors.ts";

/** One step of a submission as the vectors describe it. */
export interface SubmissionStep {
  as?: string;
  task: { name: string; version: string; options?: TaskOptions };
  input?: unknown;
  inputs?: unknown;
  options?: TaskOptions;
  dependsOn?: string[];
  display?: string;
  displays?: string[];
  startDelayMs?: number;
}

/** The submission that the steps make. */
export function buildSteps(steps: readonly SubmissionStep[]): TaskSet {
  const builder = new SubmissionBuilder();
  const elsewhere = new SubmissionBuilder().submit(definitionOf(foreign), 1);
  const handles = new Map<string, TaskHandle>([["elsewhere", elsewhere]]);
  for (const step of steps) {
    const options = optionsOf(step, handles);
    const handle =
      step.inputs === undefined
        ? builder.submit(definitionOf(step.task), untagged(step.input), options)
        : builder.submitMany(definitionOf(step.task), untagged(step.inputs) as unknown[], options);
    if (step.as) handles.set(step.as, handle);
  }
  return builder.build();
}

const foreign = { name: "foreign", version: "1.0" };

function definitionOf({ name, version, options }: SubmissionStep["task"]) {
  return task({ ...options, name, version, run: (_: unknown) => undefined });
}

function optionsOf(step: SubmissionStep, handles: ReadonlyMap<string, TaskHandle>) {
  const { options, dependsOn, display, displays, startDelayMs } = step;
  const waitsFor: DependsOn | undefined = dependsOn?.map((name) => handles.get(name)!);
  return {
    ...options,
    ...(waitsFor && { dependsOn: waitsFor }),
    ...(display !== undefined && { display }),
    ...(displays && { displays }),
    ...(startDelayMs !== undefined && { startDelayMs }),
  };
}

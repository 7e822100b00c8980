import { create } from "@bufbuild/protobuf";
import { SpanloomError, type SubmitJobRequest, SubmitJobRequestSchema } from "@spanloom/protocol";
import { SubmissionBuilder } from "../submission-builder.ts";
import { type JobContentOptions, type JobOptions, jobFields, rootOf } from "../submit-request.ts";
import type { TaskDefinition } from "../task.ts";

/** What a job of a schedule or trigger is like, besides its tasks. Each of its jobs has a trace of its own. */
export interface TemplateOptions extends JobContentOptions {
  /** Name of the jobs, 1..256 bytes. Default: the task's; of several roots the schedule's or trigger's. */
  jobName?: string;
}

/** One root task, as `client.jobs.submit` takes it. */
export interface TemplateTask<Input> extends Pick<JobOptions, "retry" | "display"> {
  /** The task. */
  task: TaskDefinition<Input, unknown>;
  build?: never;
}

/** Several root tasks, as `client.jobs.compose` takes them. */
export interface TemplateRoots {
  /** Submits the roots, with dependencies among them. */
  build: (roots: Pick<SubmissionBuilder, "submit" | "submitMany">) => void;
  task?: never;
  retry?: never;
  display?: never;
}

/** What to make a template of. */
export interface Template {
  task?: TaskDefinition<never, unknown> | undefined;
  /** Input of that task. */
  input?: unknown;
  build?: TemplateRoots["build"] | undefined;
  options: TemplateOptions & Pick<JobOptions, "retry" | "display">;
}

/**
 * A job as a schedule or trigger submits it: the request of a submission without key, time and trace.
 *
 * Errors: INVALID_FIELD; `owner` starts the message, `name` is that of jobs with several roots.
 */
export function toTemplate(template: Template, { name, owner }: { name: string; owner: string }): SubmitJobRequest {
  const { task, input, build, options } = template;
  if ((task === undefined) === (build === undefined)) {
    const message = `${owner}: ${task ? "both task and build are given" : "neither task nor build is given"}, must be one`;
    throw new SpanloomError("INVALID_FIELD", message, { field: "task" });
  }
  const builder = task ? rootOf(task as TaskDefinition<unknown, unknown>, input, options) : new SubmissionBuilder();
  build?.(builder);
  if (builder.count === 0)
    throw new SpanloomError("INVALID_FIELD", `${owner}: its job has no tasks`, { field: "build" });
  const jobName = options.jobName ?? task?.name ?? name;
  return create(SubmitJobRequestSchema, jobFields(builder, { name: jobName, owner }, options));
}

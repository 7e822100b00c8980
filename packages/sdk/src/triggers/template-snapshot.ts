import { msFromDuration, type SubmitJobRequest } from "@spanloom/protocol";
import { decodePayload } from "../codec.ts";

/** A root task of a job that is to be submitted. */
export interface TemplateTaskSnapshot {
  /** Name of its code. */
  name: string;
  /** Version of its code. */
  version: string;
  /** Its input. */
  input?: unknown;
  /** Text for people. */
  display?: string;
}

/** A job as a schedule or trigger submits it. */
export interface TemplateSnapshot {
  /** Name of the job. */
  name: string;
  /** Its tags. */
  tags: Record<string, string>;
  /** Default queue of its tasks; empty means `default`. */
  queue: string;
  /** Default priority of its tasks. */
  priority: number;
  /** It fails unless it has ended this long after submission. */
  deadlineMs?: number;
  /** Its root tasks in order. */
  tasks: TemplateTaskSnapshot[];
}

/** A request of the protocol as a plain object. */
export function toTemplateSnapshot(request: SubmitJobRequest): TemplateSnapshot {
  const { name, tags, queue, priority, deadline } = request;
  return {
    ...{ name, tags: { ...tags }, queue, priority },
    ...(deadline && { deadlineMs: msFromDuration(deadline) }),
    tasks: rootsOf(request),
  };
}

function rootsOf({ name, tasks }: SubmitJobRequest): TemplateTaskSnapshot[] {
  const owner = `cannot read the input of job "${name}"`;
  return (tasks?.groups ?? []).flatMap(({ inputs, specs, displays }) =>
    inputs.map((bytes, index) => {
      // One for all, and none for the first.
      const identifier = tasks!.specs[specs[specs.length > 1 ? index : 0] ?? 0]?.identifier;
      const input = decodePayload(bytes, owner);
      const display = displays[index];
      return {
        name: identifier?.name ?? "",
        version: identifier?.version ?? "",
        ...(input !== undefined && { input }),
        ...(display && { display }),
      };
    }),
  );
}

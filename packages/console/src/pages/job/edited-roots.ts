import { create } from "@bufbuild/protobuf";
import { type Task, type TaskSet, TaskSetSchema } from "@spanloom/protocol";
import { payloadBytes, payloadText } from "../../text/payload.ts";

/**
 * The roots of a clone, when an input of one was edited; undefined when none was, and the job's own are taken.
 *
 * What a task does not tell of how it was submitted, its delays between attempts and limits, is the task's own again.
 *
 * Errors: SyntaxError when an input is not JSON.
 */
export function editedRoots(roots: readonly Task[], inputs: Readonly<Record<string, string>>): TaskSet | undefined {
  const isEdited = (root: Task) => root.id in inputs && inputs[root.id] !== payloadText(root.input);
  if (!roots.some(isEdited)) return undefined;
  const places = new Map(roots.map(({ id }, at) => [id, at]));
  return create(TaskSetSchema, {
    specs: roots.map(({ identifier, queue, optional, priority, maxAttempts }) => ({
      ...(identifier && { identifier }),
      queue,
      optional,
      priority,
      ...(maxAttempts > 1 && { retry: { maxAttempts } }),
    })),
    groups: roots.map((root, at) => ({
      inputs: [isEdited(root) ? payloadBytes(inputs[root.id] ?? "") : root.input],
      specs: [at],
      dependsOn: root.dependsOn.map((id) => places.get(id)).filter((place) => place !== undefined),
      displays: [root.display],
    })),
  });
}

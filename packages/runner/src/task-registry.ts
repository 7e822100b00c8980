import { SpanloomError, type TaskIdentifier } from "@spanloom/protocol";
import { type AnyTask, isTaskDefinition } from "@spanloom/sdk";

/**
 * The code a runner has, by name and major version.
 *
 * Errors: INVALID_FIELD for no tasks at all, for something that is not a task, and for two tasks that a lease could not
 * tell apart: equal names and equal major versions.
 */
export class TaskRegistry {
  readonly #byKey = new Map<string, AnyTask>();
  readonly #found = new Map<string, AnyTask>();

  constructor(tasks: readonly AnyTask[]) {
    if (tasks.length === 0) throw invalid("cannot make a runner: tasks is empty, must hold at least one task");
    for (const [index, task] of tasks.entries()) this.#add(task, index);
  }

  /** What the runner offers to run. */
  get identifiers(): { name: string; version: string }[] {
    return [...this.#byKey.values()].map(({ name, version }) => ({ name, version }));
  }

  /** The code for a leased task: same name and major version, at least its minor; undefined when there is none. */
  find(identifier: TaskIdentifier | undefined): AnyTask | undefined {
    if (!identifier) return undefined;
    const key = `${identifier.name}@${identifier.version}`;
    const known = this.#found.get(key) ?? this.#search(identifier);
    // Only hits are kept: what is asked for in vain is not ours, and could be anything.
    if (known) this.#found.set(key, known);
    return known;
  }

  #search(identifier: TaskIdentifier): AnyTask | undefined {
    const [major, minor] = versionOf(identifier.version || "1.0");
    const task = this.#byKey.get(keyOf(identifier.name, major));
    return task && versionOf(task.version)[1] >= minor ? task : undefined;
  }

  #add(task: AnyTask, index: number): void {
    if (!isTaskDefinition(task)) throw invalid(`cannot make a runner: tasks[${index}] was not made by task()`);
    const [major] = versionOf(task.version);
    const known = this.#byKey.get(keyOf(task.name, major));
    if (known === task) return;
    if (known) {
      const versions = `versions ${known.version} and ${task.version}`;
      throw invalid(
        `cannot make a runner: two tasks are named "${task.name}" with major version ${major} (${versions})`,
      );
    }
    this.#byKey.set(keyOf(task.name, major), task);
  }
}

function keyOf(name: string, major: number): string {
  return `${name}@${major}`;
}

function versionOf(version: string): [major: number, minor: number] {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return [major, minor];
}

function invalid(message: string): SpanloomError {
  return new SpanloomError("INVALID_FIELD", message, { field: "tasks" });
}

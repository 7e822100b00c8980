import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { SpanloomError } from "@spanloom/protocol";
import { type AnyTask, isTaskDefinition } from "@spanloom/sdk";

/**
 * Imports modules and gathers every task they export, default exports and arrays or objects of tasks included.
 *
 * Errors: INVALID_FIELD naming the file, when it is missing, cannot be loaded, or exports no task.
 */
export async function loadTasks(paths: readonly string[], cwd: string): Promise<AnyTask[]> {
  const tasks = new Set<AnyTask>();
  for (const path of paths) {
    const found = tasksOf(await importModule(path, cwd));
    if (found.length === 0) throw unusable(`cannot use "${path}": it exports no task; make one with task()`);
    for (const task of found) tasks.add(task);
  }
  return [...tasks];
}

async function importModule(path: string, cwd: string): Promise<object> {
  const file = resolve(cwd, path);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) throw unusable(`cannot load "${path}": ${found ? "not a file" : "no such file"} (${file})`);
  try {
    return (await import(pathToFileURL(file).href)) as object;
  } catch (error) {
    throw unusable(`cannot load "${path}": ${describe(error)}`, error);
  }
}

function unusable(message: string, cause?: unknown): SpanloomError {
  return new SpanloomError("INVALID_FIELD", message, { field: "modules" }, { cause });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A syntax error's stack begins with its place; others have theirs in the first frame, behind the message.
  const where = (error.stack ?? "").split("\n").find((line) => /^(file:\/\/|\/|[A-Z]:\\|\s+at .*[/\\])/.test(line));
  return `${error.name}: ${error.message}${where ? ` (${where.trim()})` : ""}`;
}

function tasksOf(exported: object): AnyTask[] {
  return Object.values(exported).flatMap((value: unknown) => {
    if (isTaskDefinition(value)) return [value];
    if (Array.isArray(value)) return value.filter(isTaskDefinition);
    return [];
  });
}

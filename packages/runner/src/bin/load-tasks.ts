import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type AnyTask, isTaskDefinition } from "@spanloom/sdk";
import { UsageError } from "./usage-error.ts";

/**
 * Imports modules and gathers every task they export, default exports and arrays or objects of tasks included.
 *
 * Errors: UsageError naming the file, when it is missing, cannot be loaded, or exports no task.
 */
export async function loadTasks(paths: readonly string[], cwd: string): Promise<AnyTask[]> {
  const tasks = new Set<AnyTask>();
  for (const path of paths) {
    const found = tasksOf(await importModule(path, cwd));
    if (found.length === 0) throw new UsageError(`cannot use "${path}": it exports no task; make one with task()`);
    for (const task of found) tasks.add(task);
  }
  return [...tasks];
}

async function importModule(path: string, cwd: string): Promise<object> {
  const file = resolve(cwd, path);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile())
    throw new UsageError(`cannot load "${path}": ${found ? "not a file" : "no such file"} (${file})`);
  try {
    return (await import(pathToFileURL(file).href)) as object;
  } catch (error) {
    throw new UsageError(`cannot load "${path}": ${describe(error)}`, { cause: error });
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [where] = (error.stack ?? "").split("\n").filter((line) => line.startsWith("file://") || line.includes("/"));
  return `${error.name}: ${error.message}${where ? ` (${where.trim()})` : ""}`;
}

function tasksOf(exported: object): AnyTask[] {
  return Object.values(exported).flatMap((value: unknown) => {
    if (isTaskDefinition(value)) return [value];
    if (Array.isArray(value)) return value.filter(isTaskDefinition);
    return [];
  });
}

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { diskUsage } from "../measure/disk-usage.ts";

/** Long enough for the engine to begin another merge, if it is going to. */
const QUIET_MS = 20_000;
/** An engine that was told nothing looks for what it may delete every 310 s at the latest. */
const DEADLINE_MS = 400_000;

/**
 * Waits until a store has come to rest: everything that was merged away is deleted, and its size has not changed for a
 * while. Before that the disk holds rows twice or more, for as long as the engine takes its time.
 */
export async function settledStore(dir: string): Promise<{ bytes: number; seconds: number }> {
  const startedAtMs = performance.now();
  let quietSinceMs = startedAtMs;
  for (let size = -1; ; await new Promise((resolve) => setTimeout(resolve, 500))) {
    const now = await diskUsage(dir);
    const left = mergedAway(await foldersBelow(dir));
    if (now !== size || left.length > 0) quietSinceMs = performance.now();
    size = now;
    if (performance.now() - quietSinceMs >= QUIET_MS)
      return { bytes: now, seconds: (quietSinceMs - startedAtMs) / 1000 };
    if (performance.now() - startedAtMs > DEADLINE_MS)
      throw new Error(
        `cannot measure: the store has not come to rest, ${left.length} parts that were merged away are left`,
      );
  }
}

/** Paths of folders that hold parts of which a later part has all the rows. Parts of one table are folders side by side. */
export function mergedAway(paths: readonly string[]): string[] {
  const parts = paths.flatMap((path) => {
    const [, of, min, max, level, mutation] = /^((?:.*\/)?[^_/]+)_(\d+)_(\d+)_(\d+)(?:_(\d+))?$/.exec(path) ?? [];
    return of === undefined
      ? []
      : [{ path, of, min: Number(min), max: Number(max), level: Number(level), mutation: Number(mutation ?? 0) }];
  });
  const isCovered = (part: (typeof parts)[number]) =>
    parts.some(
      ({ of, min, max, level, mutation }) =>
        of === part.of &&
        min <= part.min &&
        max >= part.max &&
        (level > part.level || (level === part.level && mutation > part.mutation)),
    );
  return parts.filter(isCovered).map(({ path }) => path);
}

async function foldersBelow(dir: string): Promise<string[]> {
  // A folder that is gone by now was a part that was merged away, or a temporary one.
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const paths = entries.filter((entry) => entry.isDirectory()).map((entry) => join(dir, entry.name));
  return [...paths, ...(await Promise.all(paths.map(foldersBelow))).flat()];
}

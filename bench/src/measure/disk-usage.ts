import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Bytes that the files below a folder take on disk, as `du` counts: blocks, and each file once however many names it has. */
export async function diskUsage(dir: string): Promise<number> {
  return add(dir, new Set());
}

async function add(dir: string, seen: Set<number>): Promise<number> {
  let bytes = 0;
  // A file or folder that is gone by now was a temporary one of a merge.
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(dir, entry.name);
    const stat = await lstat(path).catch(() => undefined);
    if (stat === undefined || seen.has(stat.ino)) continue;
    seen.add(stat.ino);
    bytes += stat.blocks * 512;
    if (entry.isDirectory()) bytes += await add(path, seen);
  }
  return bytes;
}

/**
 * Waits until the size of a folder has not changed for a while, at most `deadlineMs`; gives the size.
 *
 * The engine drops parts that were merged away 20 to 30 s after the last insert: a shorter wait counts rows twice.
 */
export async function settledDiskUsage(dir: string, { quietMs = 35_000, deadlineMs = 120_000 } = {}): Promise<number> {
  const startedAtMs = performance.now();
  let size = await diskUsage(dir);
  let quietSinceMs = startedAtMs;
  while (performance.now() - quietSinceMs < quietMs && performance.now() - startedAtMs < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const now = await diskUsage(dir);
    if (now !== size) quietSinceMs = performance.now();
    size = now;
  }
  return size;
}

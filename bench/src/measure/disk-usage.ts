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

import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * What tasks leave for each other on disk, because it may exceed the size of a task's output.
 *
 * I1. Names follow from what the file is about, never from which attempt wrote it: a repeated attempt writes the same
 *     file again, so running at least once leaves each file once.
 * I2. A file appears whole or not at all: it is written beside its place and renamed, also when two attempts race.
 */

/** Name of the file with a package's list of files. */
export function listingName(packagePath: string): string {
  return `${keyOf(packagePath)}.listing.json`;
}

/** Name of the file with the hashes of a package's files, or of its `shard`-th part. */
export function hashesName(packagePath: string, shard = 0): string {
  return `${keyOf(packagePath)}.hashes-${shard}.json`;
}

/** Writes a value as JSON (I2). `attemptKey` tells apart attempts that may run at the same time. */
export async function writeWork(workDir: string, name: string, value: unknown, attemptKey: string): Promise<void> {
  await mkdir(workDir, { recursive: true });
  const draft = join(workDir, `${name}.${attemptKey}.draft`);
  try {
    await writeFile(draft, JSON.stringify(value));
    await rename(draft, join(workDir, name));
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Reads a value written by {@link writeWork}. The caller names its type. */
export async function readWork<Value>(workDir: string, name: string): Promise<Value> {
  return JSON.parse(await readFile(join(workDir, name), "utf8")) as Value;
}

function keyOf(packagePath: string): string {
  return createHash("sha256").update(packagePath).digest("hex").slice(0, 32);
}

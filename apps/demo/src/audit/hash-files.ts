import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { WalkedFile } from "./walk-files.ts";

/** A file and the SHA-256 of its content. */
export interface HashedFile extends WalkedFile {
  /** 64 hex digits; empty when the file could not be read. */
  sha256: string;
}

/** What hashing needs besides the files. */
export interface HashOptions {
  /** Stops between chunks. */
  signal?: AbortSignal;
  /** Called after each file with how many are done. */
  onFile?: (done: number) => void;
}

// Node serves file reads from four threads: more in flight only queue.
const IN_FLIGHT = 4;
const CHUNK_BYTES = 1024 * 1024;

/**
 * Hashes files of one package, in constant memory, a few at a time.
 *
 * Shape: one entry per file, in the order given. A file that cannot be read has an empty hash.
 * Errors: the signal's reason when aborted.
 */
export async function hashFiles(
  packageDir: string,
  files: readonly WalkedFile[],
  options: HashOptions = {},
): Promise<HashedFile[]> {
  const hashed: HashedFile[] = files.map((file) => ({ ...file, sha256: "" }));
  let next = 0;
  let done = 0;
  const work = async () => {
    for (let file = hashed[next++]; file; file = hashed[next++]) {
      options.signal?.throwIfAborted();
      file.sha256 = await hashFile(join(packageDir, file.path), options.signal);
      options.onFile?.(++done);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  return hashed;
}

async function hashFile(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash("sha256");
  try {
    const stream = createReadStream(path, { highWaterMark: CHUNK_BYTES, ...(signal && { signal }) });
    for await (const chunk of stream) hash.update(chunk as Buffer);
  } catch (error) {
    signal?.throwIfAborted();
    // Only the system's own errors mean that the file is unreadable; the report shows it by the absent hash.
    if (!(error instanceof Error && "syscall" in error)) throw error;
    return "";
  }
  return hash.digest("hex");
}

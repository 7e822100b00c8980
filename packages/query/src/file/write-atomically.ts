import type { FileHandle } from "node:fs/promises";
import { onDisk } from "./on-disk.ts";

/** A file that was written. */
export interface WrittenFile {
  readonly path: string;
  readonly bytes: number;
}

/** What it needs of a file system. */
export type FileSystem = Pick<typeof import("node:fs/promises"), "open" | "realpath" | "rename" | "rm" | "stat">;

/**
 * Writes pieces to a file that appears whole or not at all.
 *
 * They go to a temporary file in the same folder, are flushed to disk and renamed. A failure of the pieces' source or
 * of the disk removes the temporary file and leaves what was at `path` as it was. A link is followed; what is there
 * and no regular file (a folder, a device, a pipe) is refused, as it would be replaced.
 *
 * Errors: OVERLOADED when the disk is full, INVALID_STATE when it refuses otherwise; what `pieces` throws, unchanged.
 */
export async function writeAtomically(
  path: string,
  pieces: AsyncIterable<Uint8Array | string>,
  files?: FileSystem,
): Promise<WrittenFile> {
  // Loaded when used, so that a browser can use the rest of this package.
  const { open, rename, rm, realpath, stat } = files ?? (await import("node:fs/promises"));
  const target = await onDisk(path, () => replaceable(path, { realpath, stat }));
  const temporary = `${target}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  const handle = await onDisk(path, () => open(temporary, "wx"));
  try {
    const bytes = await writeAll(handle, path, pieces);
    await onDisk(path, () => handle.sync());
    await onDisk(path, () => handle.close());
    await onDisk(path, () => rename(temporary, target));
    return { path, bytes };
  } catch (error) {
    await handle.close().catch(() => undefined); // The first error tells more than a second close.
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Where the file is or will be, links followed. */
async function replaceable(path: string, { realpath, stat }: Pick<FileSystem, "realpath" | "stat">): Promise<string> {
  try {
    const target = await realpath(path);
    if ((await stat(target)).isFile()) return target;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return path;
    throw error;
  }
  throw new Error("it is there and not a regular file");
}

/** Small pieces are gathered up to this size: a write for each Arrow buffer costs more than copying them together. */
const WRITE_BYTES = 256 * 1024;

async function writeAll(handle: FileHandle, path: string, pieces: AsyncIterable<Uint8Array | string>): Promise<number> {
  let total = 0;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  const flush = async (): Promise<void> => {
    await onDisk(path, () => handle.writeFile(Buffer.concat(waiting)));
    total += waitingBytes;
    waiting = [];
    waitingBytes = 0;
  };
  for await (const piece of pieces) {
    const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
    waiting.push(bytes);
    waitingBytes += bytes.byteLength;
    if (waitingBytes >= WRITE_BYTES) await flush();
  }
  if (waiting.length > 0) await flush();
  return total;
}

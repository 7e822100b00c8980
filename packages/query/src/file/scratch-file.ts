import { onDisk } from "./on-disk.ts";
import type { Scratch } from "./scratch.ts";

/**
 * A scratch in the folder of `path`. Its file has no name once it is open, so that a crash leaves nothing behind.
 *
 * Errors: OVERLOADED when the disk is full, INVALID_STATE when it refuses otherwise.
 */
export async function openScratchFile(path: string): Promise<Scratch> {
  const { open, rm } = await import("node:fs/promises");
  const name = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  const handle = await onDisk(path, () => open(name, "wx+"));
  await onDisk(path, () => rm(name));
  return {
    append: (pieces) => onDisk(path, () => handle.writeFile(Buffer.concat(pieces))),
    read: (start) => handle.createReadStream({ start, autoClose: false, highWaterMark: 1024 * 1024 }),
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

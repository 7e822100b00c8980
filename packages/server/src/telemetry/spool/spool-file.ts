import { type FileHandle, open, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../../make-folder.ts";

/** A file being appended to. */
export interface SpoolFile {
  /** Appends all of `parts`. */
  write(parts: readonly Uint8Array[]): Promise<void>;
  /** Makes what was written durable. */
  sync(): Promise<void>;
  /** Cuts the file. */
  truncate(bytes: number): Promise<void>;
  close(): Promise<void>;
}

/** What the spool needs of a file system; tests put a small or a failing one in its place. */
export interface SpoolFileSystem {
  /** Makes the folder when missing. */
  prepare(folder: string): Promise<void>;
  /** Names in the folder. */
  list(folder: string): Promise<string[]>;
  /** Opens a file for appending, made when missing, and makes its name durable. */
  append(folder: string, name: string): Promise<SpoolFile>;
  read(folder: string, name: string): Promise<Uint8Array>;
  remove(folder: string, name: string): Promise<void>;
}

/** The real file system. */
export const nodeSpoolFileSystem: SpoolFileSystem = {
  async prepare(folder) {
    makeFolder(folder);
  },
  list: (folder) => readdir(folder),
  async append(folder, name) {
    const handle = await open(join(folder, name), "a");
    await syncFolder(folder);
    return spoolFile(handle);
  },
  async read(folder, name) {
    const handle = await open(join(folder, name), "r");
    try {
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  },
  async remove(folder, name) {
    await unlink(join(folder, name));
  },
};

/** A new file is only durable once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function spoolFile(handle: FileHandle): SpoolFile {
  return {
    async write(parts) {
      const wanted = parts.reduce((sum, part) => sum + part.length, 0);
      const { bytesWritten } = await handle.writev(parts as Uint8Array<ArrayBuffer>[]);
      if (bytesWritten < wanted) {
        // A short write means the disk or a quota ended in the middle; the rest would fail too, but say so.
        const rest = Buffer.concat(parts).subarray(bytesWritten);
        await handle.appendFile(rest);
      }
    },
    sync: () => handle.datasync(),
    truncate: (bytes) => handle.truncate(bytes),
    close: () => handle.close(),
  };
}

import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import type { CacheStorage } from "./cache-storage.ts";

/** Files in a folder, one for each value; any number of processes may share it. */
export class FolderStorage implements CacheStorage {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async getItemRaw(key: string): Promise<Uint8Array | null> {
    try {
      const { buffer, byteOffset, byteLength } = await readFile(this.#path(key));
      return new Uint8Array(buffer, byteOffset, byteLength);
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  /** Written beside, then renamed: readers never see a part, and a killed process leaves a file that nobody reads. */
  async setItemRaw(key: string, bytes: Uint8Array): Promise<void> {
    const path = this.#path(key);
    try {
      await this.#write(path, bytes);
    } catch (error) {
      if (!isMissing(error)) throw error;
      // Another runner swept the job's folder in between; it is made again.
      await this.#write(path, bytes);
    }
  }

  async #write(path: string, bytes: Uint8Array): Promise<void> {
    const folder = dirname(path);
    const temporary = join(folder, `t${randomUUID()}`);
    await mkdir(folder, { recursive: true });
    try {
      await writeDurably(temporary, bytes);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async hasItem(key: string): Promise<boolean> {
    return (await statIfThere(this.#path(key))) !== undefined;
  }

  async getKeys(base: string): Promise<string[]> {
    const folder = this.#path(base);
    const files = await filesIn(folder);
    return files.map((file) => `${base}:${relative(folder, file).replaceAll(sep, ":")}`);
  }

  async removeItem(key: string): Promise<void> {
    await rm(this.#path(key), { force: true });
  }

  /** Removes the folders of jobs in which nothing was written since `beforeMs`; gives how many. */
  async sweep(beforeMs: number): Promise<number> {
    let removed = 0;
    for (const job of await namesIn(this.#root)) {
      const folder = join(this.#root, job);
      if (!JOB_FOLDER.test(job) || (await lastWriteMs(folder)) >= beforeMs) continue;
      await rm(folder, { recursive: true, force: true });
      removed++;
    }
    return removed;
  }

  #path(key: string): string {
    return join(this.#root, ...key.split(":"));
  }
}

/** Only what the runner made is swept: somebody may have pointed it at a folder with other things in it. */
const JOB_FOLDER = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
    // Without it a power failure may keep the name and lose the bytes.
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function lastWriteMs(folder: string): Promise<number> {
  const times = await Promise.all([folder, ...(await filesIn(folder))].map(statIfThere));
  return Math.max(...times.map((one) => one?.mtimeMs ?? 0));
}

async function statIfThere(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

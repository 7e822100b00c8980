import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/** How files are named, and when one ends. */
export interface RotatingFileOptions {
  readonly directory: string;
  /** Beginning of names, e.g. `spans`. */
  readonly prefix: string;
  /** End of names while a file is written, with its dot. */
  readonly extension: string;
  /** End of names of files that are done; `finish` makes one of them when it differs from `extension`. */
  readonly finalExtension: string;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly maxFiles: number;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  /** Opens a new file. Default: Node's. */
  readonly openFile?: (path: string) => Promise<FileHandle>;
  /** Makes the final file of one that was written, and removes that. It may throw: the file is taken up again later. */
  readonly finish?: (written: string, final: string) => Promise<void>;
}

/** The file that is written. */
interface OpenFile {
  readonly handle: FileHandle;
  readonly path: string;
  bytes: number;
  /** When it is ended, in epoch milliseconds. */
  readonly untilMs: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * Appends to a file and begins another when it is large or old.
 *
 * I1. What `append` resolved for is on disk. What it rejected for is not in the file, not even in part.
 * I2. Files that a process left behind are finished by the next one that writes to the folder: a file of a live process
 *     is never older than `maxAgeMs` by much.
 * I3. At most `maxFiles` finished files are kept.
 */
export class RotatingFile {
  readonly #options: RotatingFileOptions;
  /** Files of this process that could not be finished. */
  readonly #unfinished = new Set<string>();
  #current: OpenFile | undefined;
  /** Appends and ends of files take turns. */
  #turn: Promise<unknown> = Promise.resolve();
  /** What is done with files that were written, one after the other, while others are written. */
  #finishing: Promise<void> = Promise.resolve();

  constructor(options: RotatingFileOptions) {
    this.#options = options;
  }

  /** Appends bytes that belong together, durably (I1). */
  append(bytes: Uint8Array): Promise<void> {
    return this.#inTurn(() => this.#append(bytes));
  }

  /** Ends the file that is written, and finishes it. Safe to call twice; another `append` begins a new one. */
  async close(): Promise<void> {
    await this.#inTurn(() => this.#end());
    await this.#finishing;
  }

  #inTurn<Value>(run: () => Promise<Value>): Promise<Value> {
    const turn = this.#turn.then(run);
    // Whoever asked for this turn is told of its failure; the next one begins anew.
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #append(bytes: Uint8Array): Promise<void> {
    const { maxBytes, nowMs } = this.#options;
    const full = this.#current && this.#current.bytes > 0 && this.#current.bytes + bytes.byteLength > maxBytes;
    if (full || (this.#current && nowMs() >= this.#current.untilMs)) await this.#end();
    const current = this.#current ?? (await this.#begin());
    try {
      for (let at = 0; at < bytes.byteLength; ) {
        const { bytesWritten } = await current.handle.write(bytes, at, bytes.byteLength - at, current.bytes + at);
        at += bytesWritten;
      }
      await current.handle.datasync();
      current.bytes += bytes.byteLength;
    } catch (error) {
      await current.handle.truncate(current.bytes);
      throw error;
    }
  }

  async #begin(): Promise<OpenFile> {
    const { directory, prefix, extension, maxAgeMs, nowMs, openFile = openNew } = this.#options;
    await mkdir(directory, { recursive: true });
    this.#afterwards(() => this.#finishOrphans());
    const time = new Date(nowMs()).toISOString().replace(/[-:]/g, "");
    const path = join(directory, `${prefix}-${time}-${randomBytes(4).toString("hex")}${extension}`);
    const handle = await openFile(path);
    const timer = setTimeout(() => void this.close().catch(() => undefined), maxAgeMs);
    timer.unref();
    this.#current = { handle, path, bytes: 0, untilMs: nowMs() + maxAgeMs, timer };
    return this.#current;
  }

  async #end(): Promise<void> {
    const current = this.#current;
    if (!current) return;
    this.#current = undefined;
    clearTimeout(current.timer);
    await current.handle.close();
    if (current.bytes === 0) return rm(current.path, { force: true });
    this.#afterwards(async () => {
      await this.#finish(current.path);
      await this.#finishAgain();
      await this.#removeOld();
    });
  }

  #afterwards(run: () => Promise<void>): void {
    // What fails here has left everything as it was, and is tried again when the next file begins.
    this.#finishing = this.#finishing.then(run).catch(() => undefined);
  }

  async #finish(path: string): Promise<void> {
    const { extension, finalExtension, finish } = this.#options;
    try {
      await finish?.(path, `${path.slice(0, -extension.length)}${finalExtension}`);
      this.#unfinished.delete(path);
    } catch {
      // It is whole and on disk, and is tried again when the next file ends: the disk may be full now.
      this.#unfinished.add(path);
    }
  }

  /** Tries those again that could not be finished, until one still cannot. */
  async #finishAgain(): Promise<void> {
    for (const path of [...this.#unfinished]) {
      await this.#finish(path);
      if (this.#unfinished.has(path)) return;
    }
  }

  /** Finishes what processes that are gone have left (I2). */
  async #finishOrphans(): Promise<void> {
    const { directory, extension, finish, maxAgeMs, nowMs } = this.#options;
    if (!finish) return;
    for (const name of await this.#names(extension)) {
      const path = join(directory, name);
      // Another process may be faster at the same.
      const found = await stat(path).catch(() => undefined);
      if (!found || found.mtimeMs >= nowMs() - 2 * maxAgeMs - ORPHAN_GRACE_MS) continue;
      if (found.size > 0) await this.#finish(path);
      else await rm(path, { force: true });
    }
  }

  async #removeOld(): Promise<void> {
    const { directory, finalExtension, maxFiles } = this.#options;
    const names = await this.#names(finalExtension);
    for (const name of names.slice(0, -maxFiles)) await rm(join(directory, name), { force: true });
  }

  /** Names of files with an extension, oldest first. */
  async #names(extension: string): Promise<string[]> {
    const { directory, prefix } = this.#options;
    const names = await readdir(directory);
    return names.filter((name) => name.startsWith(`${prefix}-`) && name.endsWith(extension)).sort();
  }
}

function openNew(path: string): Promise<FileHandle> {
  return open(path, "wx");
}

/** How much later than its age a live process may end a file, on a machine that is busy. */
const ORPHAN_GRACE_MS = 60_000;

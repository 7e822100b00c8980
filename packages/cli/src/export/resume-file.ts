import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { UsageError } from "../cli-context.ts";

/** How far an export has come, in epoch nanoseconds: of each kind all that began before is sent. */
export interface ExportPosition {
  /** When it was begun, epoch milliseconds: what `1d` ago means does not move. */
  beganMs: number;
  spans?: bigint;
  logs?: bigint;
}

interface Kept {
  beganMs: number;
  spans?: string;
  logs?: string;
  /** What is exported and where to. */
  of: string;
}

/** How far an export came that was interrupted, as a file; nothing without a path. */
export class ResumeFile {
  readonly #path: string | undefined;
  readonly #of: string;
  #writing: Promise<void> = Promise.resolve();

  /** `of` says what is exported and where to, so that a file is not used for another. */
  constructor(path: string | undefined, of: string) {
    this.#path = path;
    this.#of = of;
  }

  /** Where to go on; at first, begun now. Errors: UsageError when the file is of another export or none. */
  async read(nowMs: number): Promise<ExportPosition> {
    if (this.#path === undefined) return { beganMs: nowMs };
    const text = await readFile(this.#path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw new UsageError(`cannot read --resume "${this.#path}": ${error.message}`);
    });
    if (text === undefined) return { beganMs: nowMs };
    const { beganMs, spans, logs, of } = this.#parse(text);
    if (of !== this.#of)
      throw new UsageError(`cannot go on with --resume "${this.#path}": it is of another export, ${of}`);
    return {
      beganMs,
      ...(spans !== undefined && { spans: BigInt(spans) }),
      ...(logs !== undefined && { logs: BigInt(logs) }),
    };
  }

  #parse(text: string): Kept {
    try {
      const kept = JSON.parse(text) as Kept;
      if (
        typeof kept.of === "string" &&
        Number.isFinite(kept.beganMs) &&
        [kept.spans, kept.logs].every((ns) => ns === undefined || /^\d+$/.test(ns))
      )
        return kept;
    } catch {
      // It is told below, as for what is JSON and something else.
    }
    throw new UsageError(`cannot go on with --resume "${this.#path}": it is no file that an export wrote`);
  }

  /** Keeps how far it has come; one write after the other. */
  write({ beganMs, spans, logs }: ExportPosition): Promise<void> {
    const path = this.#path;
    if (path === undefined) return Promise.resolve();
    const kept: Kept = {
      of: this.#of,
      beganMs,
      ...(spans !== undefined && { spans: String(spans) }),
      ...(logs !== undefined && { logs: String(logs) }),
    };
    this.#writing = this.#writing.then(async () => {
      await writeFile(`${path}.tmp`, `${JSON.stringify(kept)}\n`);
      await rename(`${path}.tmp`, path);
    });
    return this.#writing;
  }

  /** There is nothing to go on with. */
  async remove(): Promise<void> {
    await this.#writing;
    if (this.#path !== undefined) await rm(this.#path, { force: true });
  }
}

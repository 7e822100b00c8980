import { readFileSync, unwatchFile, watchFile } from "node:fs";
import { SpanloomError } from "@spanloom/protocol";
import type { Log } from "../rpc/error-interceptor.ts";

/** What is made of some files, and how. */
export interface WatchedFilesOptions<Value> {
  /** What the files are for, in messages, e.g. `tokens`. */
  what: string;
  paths: readonly string[];
  /** Makes the value of the files' texts, in the order of `paths`. Throws for what makes no sense. */
  parse: (texts: readonly string[]) => Value;
  log: Log;
  /** How often the files are looked at. Default 2 s. */
  intervalMs?: number;
}

/**
 * A value made of files, and made again when they change.
 *
 * Files are looked at by time, not by notification: a mounted secret changes by a link swapped above the file, of which
 * notifications say nothing. What cannot be read or understood later is logged, and the last good value stays: a typing
 * mistake must not lock everybody out.
 */
export class WatchedFiles<Value> {
  readonly #options: WatchedFilesOptions<Value>;
  #value: Value;
  readonly #onChange = (): void => this.reload();
  readonly #listeners: ((value: Value) => void)[] = [];
  #watching = false;

  /** Errors: INVALID_STATE naming the file that cannot be read, or what `parse` says of them. */
  constructor(options: WatchedFilesOptions<Value>) {
    this.#options = options;
    this.#value = options.parse(options.paths.map((path) => read(path, options.what)));
  }

  /** The last good value. */
  get value(): Value {
    return this.#value;
  }

  /** Calls `listener` with each later value. */
  onChange(listener: (value: Value) => void): void {
    this.#listeners.push(listener);
  }

  /** Begins to look. Safe to call twice. */
  start(): void {
    if (this.#watching) return;
    this.#watching = true;
    const interval = this.#options.intervalMs ?? 2_000;
    for (const path of this.#options.paths) watchFile(path, { interval, persistent: false }, this.#onChange);
  }

  /** Looks no more. Safe to call twice. */
  stop(): void {
    this.#watching = false;
    for (const path of this.#options.paths) unwatchFile(path, this.#onChange);
  }

  /** Reads the files now. */
  reload(): void {
    const { what, paths, parse, log } = this.#options;
    try {
      this.#value = parse(paths.map((path) => read(path, what)));
    } catch (error) {
      // The last good value is better than none; whoever changed the file reads why it is not used.
      log(`${error instanceof Error ? error.message : error}; keeping the ${what} read before`);
      return;
    }
    for (const listener of this.#listeners) listener(this.#value);
    log(`read the ${what} again`);
  }
}

function read(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SpanloomError("INVALID_STATE", `cannot read the ${what} in "${path}": ${why}`, {}, { cause });
  }
}

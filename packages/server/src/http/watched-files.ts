import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
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
 * Files are read by time, not by notification: a mounted secret changes by a link swapped above the file, of which
 * notifications say nothing, and what changes between the first reading and the first look is seen as well. What cannot be read or understood later is logged, and the last good value stays: a typing
 * mistake must not lock everybody out.
 */
export class WatchedFiles<Value> {
  readonly #options: WatchedFilesOptions<Value>;
  #value: Value;
  /** What the last reading gave, good or bad. */
  #seen: Reading;
  readonly #listeners: ((value: Value) => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Errors: INVALID_STATE naming the file that cannot be read, or what `parse` says of them. */
  constructor(options: WatchedFilesOptions<Value>) {
    this.#options = options;
    this.#seen = this.#read();
    this.#value = options.parse(textsOf(this.#seen));
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
    this.#timer ??= setInterval(() => this.#look(), this.#options.intervalMs ?? 2_000).unref();
  }

  /** Looks no more. Safe to call twice. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Reads the files now, and makes the value again. */
  reload(): void {
    const { what, parse, log } = this.#options;
    this.#seen = this.#read();
    try {
      this.#value = parse(textsOf(this.#seen));
    } catch (error) {
      // The last good value is better than none; whoever changed the file reads why it is not used.
      log(`${error instanceof Error ? error.message : error}; keeping the ${what} read before`);
      return;
    }
    for (const listener of this.#listeners) listener(this.#value);
    log(`read the ${what} again`);
  }

  #look(): void {
    const now = this.#read();
    if (!isDeepStrictEqual(now.texts, this.#seen.texts) || now.error?.message !== this.#seen.error?.message)
      this.reload();
  }

  #read(): Reading {
    try {
      return { texts: this.#options.paths.map((path) => read(path, this.#options.what)) };
    } catch (error) {
      return { error: error as SpanloomError };
    }
  }
}

/** What the files hold, or why one cannot be read. */
interface Reading {
  readonly texts?: readonly string[];
  readonly error?: SpanloomError;
}

function textsOf({ texts, error }: Reading): readonly string[] {
  if (texts === undefined) throw error;
  return texts;
}

function read(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SpanloomError("INVALID_STATE", `cannot read the ${what} in "${path}": ${why}`, {}, { cause });
  }
}

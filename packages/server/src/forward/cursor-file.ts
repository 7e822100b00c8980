import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { SpanloomError } from "@spanloom/protocol";
import type { ArrivalPosition } from "../telemetry/telemetry.ts";

/** Up to where an exporter was given what came. */
export interface Cursor {
  spans: ArrivalPosition;
  logs: ArrivalPosition;
}

/** Keeps cursors by exporter. */
export interface CursorStore {
  /** The cursor kept; undefined for an exporter that is new. */
  load(name: string): Promise<Cursor | undefined>;
  save(name: string, cursor: Cursor): Promise<void>;
}

const ENDING = ".json";
/** Most bytes of a file's name without endings. */
const MAX_NAME = 200;

/**
 * Cursors in a folder, a file each.
 *
 * A cursor that is lost with the machine's power is an older one, and what came since is given again; so a file is
 * replaced whole, after its bytes are on the disk.
 * Errors: INVALID_STATE for a file that cannot be read or is not a cursor.
 */
export class CursorFiles implements CursorStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async load(name: string): Promise<Cursor | undefined> {
    const path = this.#pathOf(name);
    let text: string;
    try {
      text = await readFile(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw unusable(path, error);
    }
    try {
      const { spans, logs } = JSON.parse(text) as Record<keyof Cursor, { us: string; place: string }>;
      return { spans: positionOf(spans), logs: positionOf(logs) };
    } catch (error) {
      throw unusable(path, error);
    }
  }

  async save(name: string, cursor: Cursor): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const path = this.#pathOf(name);
    {
      await using file = await open(`${path}.new`, "w");
      await file.writeFile(
        `${JSON.stringify(cursor, (_key, value) => (typeof value === "bigint" ? `${value}` : value))}\n`,
      );
      await file.sync();
    }
    await rename(`${path}.new`, path);
  }

  /** Lets go of cursors that were not moved for so long that nothing they stand before is kept any more. */
  async expire(beforeMs: number): Promise<void> {
    const files = await readdir(this.#folder).catch(() => []); // without a folder there is no cursor
    for (const file of files.filter((each) => each.endsWith(ENDING))) {
      const path = join(this.#folder, file);
      if ((await stat(path)).mtimeMs < beforeMs) await rm(path);
    }
  }

  /** A name that is too long for a file, a path for one, is told by its end. */
  #pathOf(name: string): string {
    return join(this.#folder, `${encodeURIComponent(name).slice(-MAX_NAME)}${ENDING}`);
  }
}

function positionOf({ us, place }: { us: string; place: string }): ArrivalPosition {
  if (typeof place !== "string") throw new TypeError(`place is ${JSON.stringify(place)}`);
  return { us: BigInt(us), place };
}

function unusable(path: string, cause: unknown): SpanloomError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `cannot go on exporting: "${path}" is no cursor: ${why}; remove it to begin at now`;
  return new SpanloomError("INVALID_STATE", message, {}, { cause });
}

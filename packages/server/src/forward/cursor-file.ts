import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { SpanloomError } from "@spanloom/protocol";
import { systemClock } from "../clock.ts";
import { type Cursor, type CursorStore, formatCursor, type HeldCursor, parseCursor } from "./held-cursor.ts";

const ENDING = ".json";
/** Most bytes of a file's name without endings. */
const MAX_NAME = 200;

/**
 * Cursors in a folder, a file each, of a server that has the folder alone.
 *
 * A cursor that is lost with the machine's power is an older one, and what came since is given again; so a file is
 * replaced whole, after its bytes are on the disk.
 * Errors: INVALID_STATE for a file that cannot be read or is not a cursor.
 */
export class CursorFiles implements CursorStore {
  readonly #folder: string;
  readonly #nowUs: () => number;

  constructor(folder: string, nowUs = systemClock.nowUs) {
    this.#folder = folder;
    this.#nowUs = nowUs;
  }

  async take(name: string): Promise<HeldCursor> {
    const path = this.#pathOf(name);
    return {
      cursor: await load(path),
      isHeld: () => true,
      save: (cursor) => this.#save(path, cursor),
      release: async (cursor) => {
        if (cursor) await this.#save(path, cursor);
      },
    };
  }

  async #save(path: string, cursor: Cursor): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    {
      await using file = await open(`${path}.new`, "w");
      await file.writeFile(`${formatCursor(cursor)}\n`);
      await file.sync();
    }
    await rename(`${path}.new`, path);
  }

  async forget(idleMs: number): Promise<void> {
    const beforeMs = this.#nowUs() / 1000 - idleMs;
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

async function load(path: string): Promise<Cursor | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unusable(path, error);
  }
  try {
    return parseCursor(text);
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): SpanloomError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `cannot go on exporting: "${path}" is no cursor: ${why}; remove it to begin at now`;
  return new SpanloomError("INVALID_STATE", message, {}, { cause });
}

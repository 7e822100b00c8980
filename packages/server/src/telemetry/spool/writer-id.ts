import { randomBytes } from "node:crypto";
import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { SpanloomError } from "@spanloom/protocol";
import { makeFolder } from "../../make-folder.ts";

const FILE = "writer-id";

/**
 * The number that names a spool among those that write to one store; made when the folder has none.
 *
 * It stands in the spool's folder, so a spool that is lost takes its numbers along: its successor is another writer.
 * Errors: INVALID_STATE when the file cannot be read or written.
 */
export async function writerId(folder: string): Promise<bigint> {
  try {
    const known = /^[0-9a-f]{16}\n$/.exec(await readText(join(folder, FILE)));
    if (known) return BigInt(`0x${known[0].trim()}`);
    // Never 0, which is the one writer of an embedded store.
    const made = randomBytes(8).readBigUInt64LE() | 1n;
    makeFolder(folder);
    await using file = await open(join(folder, `${FILE}.new`), "w");
    await file.writeFile(`${made.toString(16).padStart(16, "0")}\n`);
    await file.sync();
    await rename(join(folder, `${FILE}.new`), join(folder, FILE));
    return made;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SpanloomError("INVALID_STATE", `cannot open the spool in "${folder}": ${why}`, {}, { cause: error });
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

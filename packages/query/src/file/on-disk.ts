import { SpanloomError } from "@spanloom/protocol";

/**
 * Does something with a file system and turns its failure into a SpanloomError that names the file.
 *
 * Errors: OVERLOADED when the disk is full, INVALID_STATE when it refuses otherwise.
 */
export async function onDisk<Result>(path: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === "ENOSPC" || code === "EDQUOT" ? "OVERLOADED" : "INVALID_STATE";
    throw new SpanloomError(reason, `cannot write "${path}": ${message}`, {}, { cause: error });
  }
}

import { closeSync, existsSync, openSync } from "node:fs";

/**
 * Why a file cannot be written, in words; undefined when it can be.
 *
 * SQLite says no more than "unable to open database file" or "attempt to write a readonly database". Tried by opening
 * and not by asking for access, which would answer for the real user and not for the effective one.
 */
export function whyNotWritable(path: string): string | undefined {
  try {
    closeSync(openSync(path, "a"));
    return undefined;
  } catch (error) {
    // Not dropped: it is the answer.
    return inWords(path, error as NodeJS.ErrnoException);
  }
}

/** The errors of a folder that is there but not for us, as a person would say them. */
function inWords(path: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === "EROFS") return `${path} is on a read-only file system`;
  if (code === "EACCES" || code === "EPERM") return `no permission to write ${path}${asUser(process.geteuid?.())}`;
  return message;
}

function asUser(uid: number | undefined): string {
  return uid === undefined ? "" : ` as user id ${uid}`;
}

/** Files of a store; any of them may belong to someone else, e.g. after it was once run by root. */
const FILE_ENDINGS = ["", "-wal", "-shm"];

/**
 * Refuses a database of which a file cannot be written; one that is not there yet is no reason.
 *
 * SQLite opens it as read-only, transactions and all, and only fails at the first change.
 */
export function refuseUnwritable(path: string): void {
  for (const ending of FILE_ENDINGS) {
    const why = existsSync(path + ending) ? whyNotWritable(path + ending) : undefined;
    if (why !== undefined) throw new Error(why);
  }
}

import { closeSync, fdatasyncSync, fstatSync, openSync, writeSync } from "node:fs";

/** Pages of the log before SQLite writes them back and begins the log anew. */
export const LOG_PAGES = 4_000;
/** A page and its frame's header. */
const FRAME_BYTES = 4_096 + 24;
const CHUNK = new Uint8Array(1024 * 1024);

/**
 * Fills the write-ahead log's file with zeros up to the size it will have.
 *
 * A commit that makes the file longer syncs the file system's books too, one that writes over old bytes only itself:
 * a small commit took 0.43 ms on a new log and 0.28 ms on a filled one, the median of 500. SQLite knows the end of its
 * log by checksums, as a log begun anew always has old frames behind it. Takes about 60 ms.
 *
 * Only before the first write of a store: the file must not grow meanwhile.
 */
export function preallocateLog(databasePath: string): void {
  try {
    const file = openSync(`${databasePath}-wal`, "r+");
    try {
      for (let at = fstatSync(file).size; at < LOG_PAGES * FRAME_BYTES; at += CHUNK.length) {
        writeSync(file, CHUNK, 0, CHUNK.length, at);
      }
      fdatasyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch {
    // A full disk: commits are a little slower, and the first that finds no room says so.
  }
}

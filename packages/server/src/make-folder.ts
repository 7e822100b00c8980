import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a folder and those above it, where they are missing.
 *
 * Node's own recursive way never comes back, hearing no signal meanwhile, from a file system such as /proc, which answers
 * ENOENT below a folder that is there.
 *
 * Errors: what the file system says, such as ENOENT, EACCES or EROFS.
 */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process was quicker.
    if (!existsSync(folder)) throw error;
  }
}

import { relative } from "node:path";

/** What to show of a line. */
export interface WatchLine {
  /** Null for one that says nothing to who writes tasks. */
  text: string | null;
  /** Whether it is the watching process that says so. */
  isWatchers: boolean;
}

/** What Node.js says when it watches, in words of who writes tasks. What it may say otherwise is shown as it is. */
export function watchLine(line: string, folder: string = process.cwd()): WatchLine {
  const changed = /^Change detected in '(.*)'$/.exec(line)?.[1];
  if (changed !== undefined) return { text: `${relative(folder, changed)} changed`, isWatchers: true };
  if (/^Restarting '.* runner .*'$/.test(line)) return { text: null, isWatchers: true };
  if (/^Failed running '.*'\. Waiting for file changes before restarting\.\.\.$/.test(line))
    return { text: "No tasks run: mend the code, and they start with the next change.", isWatchers: true };
  if (/^Completed running '.*'\. Waiting for file changes before restarting\.\.\.$/.test(line))
    return { text: "The runner has ended; it starts again with the next change.", isWatchers: true };
  return { text: line, isWatchers: false };
}

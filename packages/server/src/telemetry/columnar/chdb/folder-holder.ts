import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Id of another living process that has the engine's folder open; undefined when none is known.
 *
 * The engine says only that it cannot open a folder; its `status` file says who holds it.
 */
export function folderHolder(dataDir: string): number | undefined {
  let status: string;
  try {
    status = readFileSync(join(dataDir, "status"), "utf8");
  } catch {
    return undefined; // no file, no holder; a folder that cannot be read fails with a reason of its own
  }
  const pid = Number(/^PID: (\d+)/.exec(status)?.[1]);
  return pid > 0 && pid !== process.pid && isAlive(pid) ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not allowed to signal it: it lives, as another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

import { constants } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { CliContext } from "../cli-context.ts";
import { loadOptional } from "../load-optional.ts";
import { type Finding, finding } from "./finding.ts";

/** The oldest major version of Node.js that packages of Spanloom run on. */
const OLDEST_NODE = 24;

/** Checks what a server or runner started here would meet. */
export async function checkSurroundings(context: CliContext): Promise<Finding[]> {
  return [node(process.versions.node), await packages(), await dataFolder(context), await diskSpace(context)];
}

/** Judges a version of Node.js. */
export function node(version: string): Finding {
  if (Number.parseInt(version, 10) >= OLDEST_NODE) return finding("node", "ok", `Node.js ${version}`);
  const message = `Node.js ${version} is older than ${OLDEST_NODE}`;
  return finding("node", "failed", message, `Install Node.js ${OLDEST_NODE} or newer.`);
}

async function packages(): Promise<Finding> {
  const absent = [
    ...(await absence("@spanloom/server", () => import("@spanloom/server"))),
    ...(await absence("@spanloom/runner", () => import("@spanloom/runner"))),
  ];
  if (absent.length === 0) return finding("packages", "ok", "@spanloom/server and @spanloom/runner are installed");
  const message = `no ${absent.join(" and no ")} here: only commands that call a server work`;
  return finding("packages", "warning", message, `Install what you need with: npm install ${absent.join(" ")}`);
}

async function absence(name: string, load: () => Promise<object>): Promise<string[]> {
  try {
    await loadOptional(name, load);
    return [];
  } catch {
    // Whatever keeps it from loading, it cannot be used.
    return [name];
  }
}

/** Less than this is soon full: telemetry of a busy day takes more. */
const LOW_DISK_BYTES = 1024 ** 3;

async function diskSpace({ env }: CliContext): Promise<Finding> {
  const folder = resolve(env.SPANLOOM_DATA_DIR ?? ".spanloom");
  try {
    const { bavail, blocks, bsize } = await statfs(await existing(folder));
    return disk(folder, { freeBytes: bavail * bsize, allBytes: blocks * bsize });
  } catch (error) {
    return finding("disk", "skipped", `the disk of ${folder} cannot be measured: ${(error as Error).message}`);
  }
}

/** The folder, or the nearest one above it that is there. */
async function existing(folder: string): Promise<string> {
  const isThere = await access(folder).then(
    () => true,
    () => false,
  );
  return isThere || dirname(folder) === folder ? folder : existing(dirname(folder));
}

/** Judges how full a disk is. */
export function disk(folder: string, { freeBytes, allBytes }: { freeBytes: number; allBytes: number }): Finding {
  const free = `${(freeBytes / 1024 ** 3).toFixed(1)} GiB of ${(allBytes / 1024 ** 3).toFixed(1)} are free for ${folder}`;
  if (freeBytes >= LOW_DISK_BYTES) return finding("disk", "ok", free);
  return finding(
    "disk",
    "warning",
    free,
    "Make room, keep spans and logs for fewer days (--retention-days), or move it with SPANLOOM_DATA_DIR.",
  );
}

async function dataFolder({ env }: CliContext): Promise<Finding> {
  const folder = resolve(env.SPANLOOM_DATA_DIR ?? ".spanloom");
  try {
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return finding("data folder", "ok", `${folder} can be written`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      return finding("data folder", "ok", `${folder} does not exist; a server started here makes it`);
    const hint = "Give its owner's rights to who runs the server, or name another with SPANLOOM_DATA_DIR.";
    return finding("data folder", "warning", `${folder} cannot be written: ${(error as Error).message}`, hint);
  }
}

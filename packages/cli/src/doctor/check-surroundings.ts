import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { resolve } from "node:path";
import type { CliContext } from "../cli-context.ts";
import { loadOptional } from "../load-optional.ts";
import { type Finding, finding } from "./finding.ts";

/** The oldest major version of Node.js that packages of Spanloom run on. */
const OLDEST_NODE = 24;

/** Checks what a server or runner started here would meet. */
export async function checkSurroundings(context: CliContext): Promise<Finding[]> {
  return [node(process.versions.node), await packages(), await dataFolder(context)];
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

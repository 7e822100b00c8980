import { accessSync, constants } from "node:fs";
import path from "node:path";

/** Names that Chromium and the browsers made of it are installed under. */
const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The Chromium of this machine: `SPANLOOM_CHROMIUM`, or one on PATH; undefined when there is none. */
export function findChromium(env: NodeJS.ProcessEnv): string | undefined {
  if (env.SPANLOOM_CHROMIUM) return env.SPANLOOM_CHROMIUM;
  const folders = (env.PATH ?? "").split(path.delimiter).filter((folder) => folder !== "");
  return names.flatMap((name) => folders.map((folder) => path.join(folder, name))).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // Not there, or not a program: the next one may be.
  }
}

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/**
 * The program of a Chromium, as the tests in a browser find it.
 *
 * Errors: when there is none.
 */
export function findBrowser(env: NodeJS.ProcessEnv): string {
  const named = env.SPANLOOM_CHROMIUM ?? env.CHROMIUM;
  const folders = (env.PATH ?? "").split(delimiter);
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => existsSync(file));
  const program = named ?? found;
  if (program === undefined)
    throw new Error("cannot find Chromium: install one (apt-get install chromium), or name it in SPANLOOM_CHROMIUM");
  return program;
}

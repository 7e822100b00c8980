import { accessSync, constants, statSync } from "node:fs";
import path from "node:path";

/** Names that Chromium and the browsers made of it are installed under. */
const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Where they lie on a Mac, which has them on no PATH. */
const places = [
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Variables that may name its program, for where it is installed elsewhere. */
const variables = ["SPANLOOM_CHROMIUM", "CHROMIUM"] as const;

/**
 * The Chromium of this machine: the program that a variable names, or one on PATH; undefined when there is none.
 *
 * Errors: when a variable names what is no program.
 */
export function findChromium(env: NodeJS.ProcessEnv): string | undefined {
  const folders = (env.PATH ?? "").split(path.delimiter).filter((folder) => folder !== "");
  const variable = variables.find((each) => env[each]);
  if (variable !== undefined) {
    const named = env[variable] ?? "";
    const found = [named, ...folders.map((folder) => path.join(folder, named))].find(isProgram);
    if (found === undefined) throw new Error(`cannot find Chromium: ${variable} names "${named}", which is no program`);
    return found;
  }
  return [...names.flatMap((name) => folders.map((folder) => path.join(folder, name))), ...places].find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false; // Not there, or not a program: the next one may be.
  }
}

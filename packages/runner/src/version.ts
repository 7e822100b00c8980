import { readFileSync } from "node:fs";

/** Version of this package, as its package.json has it; the file is one folder up from sources and build alike. */
export function runnerVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

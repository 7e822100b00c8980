import { readFileSync } from "node:fs";

/** Version of this package, from its manifest, which lies one folder up in the sources as in what is published. */
export function cliVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };
  return manifest.version;
}

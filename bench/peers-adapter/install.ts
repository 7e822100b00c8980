#!/usr/bin/env node
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Adds Spanloom's variants to a copy of the peer benchmark. Safe to run twice. */
function install(folder: string): void {
  const adapters = join(folder, "adapters");
  const source = JSON.stringify(new URL("./spanloom.ts", import.meta.url).href);
  // The harness asks for a default export.
  writeFileSync(join(adapters, "spanloom.mjs"), `export { spanloomPeer as default } from ${source};\n`);
  const index = join(adapters, "index.mjs");
  const text = readFileSync(index, "utf8");
  if (!text.includes("spanloom.mjs")) writeFileSync(index, `${text}\n${registration}`);
}

const registration = `import spanloom from "./spanloom.mjs";
for (const [name, variant] of Object.entries(spanloom.variants)) {
  const { peer, packages, notes, measures } = spanloom;
  const file = new URL("./spanloom.mjs", import.meta.url).href;
  variants[name] = { name, peer, packages, notes, measures, file, ...variant };
}
`;

const folder = process.argv[2];
if (folder === undefined) {
  process.stderr.write("Usage: node install.ts <folder of a copy of the peer benchmark>\n");
  process.exitCode = 2;
} else {
  install(folder);
}

import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { tempDir } from "@spanloom/testing";
import { describe, expect, it } from "vitest";

/** What a program finds that loads the console from a folder where the given packages are installed. */
async function loadIn(packages: Readonly<Record<string, string>>): Promise<string> {
  using folder = tempDir();
  for (const [name, code] of Object.entries(packages)) {
    const home = join(folder.path, "node_modules", name);
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, "package.json"), JSON.stringify({ name, type: "module", exports: "./index.js" }));
    writeFileSync(join(home, "index.js"), code);
  }
  const loader = pathToFileURL(join(import.meta.dirname, "load-console.ts")).href;
  const program = join(folder.path, "program.mjs");
  writeFileSync(
    program,
    `import { loadConsole } from ${JSON.stringify(loader)};
     const load = () => import("@spanloom/console");
     const found = await loadConsole(load).catch((error) => error.message);
     console.log(JSON.stringify(found) ?? "nothing");`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [program], { env: {} });
  return stdout.trim();
}

describe("the console's package", () => {
  it("is served when it is installed beside the server", async () => {
    const assets = { folder: "/there", files: [] };
    const code = `export const consoleAssets = () => (${JSON.stringify(assets)});`;
    expect(JSON.parse(await loadIn({ "@spanloom/console": code }))).toEqual(assets);
  });

  it("is done without when it is not there, or not built", async () => {
    expect(await loadIn({})).toBe("nothing");
    expect(await loadIn({ "@spanloom/console": "export const consoleAssets = () => undefined;" })).toBe("nothing");
  });

  it("is not done without when it is there and broken", async () => {
    expect(await loadIn({ "@spanloom/console": 'import "left-out";' })).toMatch(/Cannot find package 'left-out'/);
    expect(await loadIn({ "@spanloom/console": "throw new Error('no');" })).toBe('"no"');
  });
});

import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { capture } from "../bootstrap/run.mjs";
import { problemsOf, toolEnvironment } from "../check/command.ts";

/** What this needs of Vite, whose types are not a dependency. */
interface Bundler {
  build: (options: object) => Promise<unknown>;
}

/**
 * Bundles a page's program with @spanloom/query as it is published: built, packed and unpacked below `folder`.
 *
 * Shape: the folder of the page, with its `index.html`.
 */
export async function bundlePage(root: string, folder: string, program: string): Promise<string> {
  const built = await problemsOf(root, "turbo", ["run", "build", "--filter=@spanloom/query...", "--output-logs=none"]);
  if (built.length > 0) throw new Error(`cannot build the package: ${built.join("\n")}`);
  for (const name of ["protocol", "query"]) await unpack(path.join(root, "packages", name), folder);
  const out = path.join(folder, "page");
  // Beside the packages that were unpacked, which are then what it imports.
  copyFileSync(program, path.join(folder, path.basename(program)));
  const script = `<script type="module" src="/${path.basename(program)}"></script>`;
  writeFileSync(
    path.join(folder, "index.html"),
    `<!doctype html><meta charset="utf-8">${policy}${tellErrors}${script}`,
  );
  const { build } = await loadVite();
  await build({
    configFile: false,
    logLevel: "error",
    root: folder,
    build: { outDir: out, target: "esnext", chunkSizeWarningLimit: 10_000 },
  });
  return out;
}

/** Careful pages compile no functions from text, so what the package promises must hold without. */
const policy = `<meta http-equiv="Content-Security-Policy" content="script-src 'self' 'unsafe-inline'">`;

/** Posts what nothing in the page caught, so that nobody waits for a result that never comes. */
const tellErrors = `<script>
const tell = (error) => fetch("/result/error", { method: "POST", body: String(error?.stack ?? error) });
addEventListener("error", (event) => tell(event.error ?? event.message));
addEventListener("unhandledrejection", (event) => tell(event.reason));
</script>`;

/** Packs a package and puts it where Node and bundlers look, with the dependencies it has in this repository. */
async function unpack(at: string, folder: string): Promise<void> {
  const problems = await problemsOf(at, "pnpm", ["pack", "--pack-destination", folder]);
  if (problems.length > 0) throw new Error(`cannot pack ${at}: ${problems.join("\n")}`);
  const { name } = JSON.parse(readFileSync(path.join(at, "package.json"), "utf8")) as { name: string };
  const tarball = readdirSync(folder).find((file) => file.startsWith(`${name.slice(1).replace("/", "-")}-`));
  const target = path.join(folder, "node_modules", name);
  mkdirSync(target, { recursive: true });
  const tar = ["-xzf", path.join(folder, tarball ?? ""), "-C", target, "--strip-components=1"];
  const { code, output } = await capture("tar", tar, { cwd: folder, env: toolEnvironment() });
  if (code !== 0) throw new Error(`cannot unpack ${tarball}: ${output}`);
  const [from, to] = [at, target].map((each) => path.join(each, "node_modules")) as [string, string];
  mkdirSync(to);
  for (const dependency of readdirSync(from)) {
    const ours = dependency.startsWith(".") || dependency === "@spanloom";
    if (!ours) symlinkSync(path.join(from, dependency), path.join(to, dependency));
  }
}

/** The bundler that the test runner brings. */
async function loadVite(): Promise<Bundler> {
  const vite = createRequire(createRequire(import.meta.url).resolve("vitest/package.json")).resolve("vite");
  return (await import(pathToFileURL(vite).href)) as Bundler;
}

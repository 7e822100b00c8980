import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";

/** One installed package. */
export interface FoundPackage {
  /** Real path of its folder, from the audited folder, with `/`. Unique. */
  path: string;
  /** Name by its place, `name` or `@scope/name`; its manifest may claim another. */
  name: string;
}

/** What a folder holds. */
export interface FoundPackages {
  /** Real path of the audited folder. */
  root: string;
  /** Each real package once, by path. */
  packages: FoundPackage[];
  /** Links that lead out of the audited folder, e.g. to workspace packages; not audited. */
  linkedOutside: string[];
}

/**
 * Finds every package installed below a folder, each real folder once, however many links lead to it.
 *
 * A folder laid out like node_modules is read as such; of any other, its own `node_modules` is read when it has one.
 * Understands scopes, pnpm's virtual store (`.pnpm/<id>/node_modules`) and packages nested in packages.
 * No folder is entered twice, so link cycles end.
 *
 * Errors: those of the file system when the folder itself cannot be read; unreadable folders below it hold nothing.
 */
export async function findPackages(dir: string): Promise<FoundPackages> {
  const root = await modulesFolderOf(dir);
  const scan: Scan = { root, packages: new Map(), entered: new Set([root]), linkedOutside: new Set() };
  await scanModules(root, await readdir(root, { withFileTypes: true }), scan);
  const packages = [...scan.packages.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { root, packages, linkedOutside: [...scan.linkedOutside].sort() };
}

interface Scan {
  root: string;
  packages: Map<string, FoundPackage>;
  entered: Set<string>;
  linkedOutside: Set<string>;
}

async function modulesFolderOf(dir: string): Promise<string> {
  const real = await realpath(dir);
  if (basename(real) === "node_modules") return real;
  const inner = join(real, "node_modules");
  return (await isFolder(inner)) ? realpath(inner) : real;
}

async function scanModules(dir: string, entries: readonly Dirent[], scan: Scan): Promise<void> {
  for (const entry of entries) {
    const path = join(dir, entry.name);
    if (entry.name === ".pnpm") await scanVirtualStore(path, scan);
    else if (entry.name.startsWith(".") || entry.isFile()) continue;
    else if (entry.name.startsWith("@")) await scanScope(path, scan);
    else await addPackage(path, entry.name, scan);
  }
}

async function scanVirtualStore(dir: string, scan: Scan): Promise<void> {
  for (const entry of await entriesOf(dir)) {
    // `.pnpm/node_modules` holds links to packages that the entries beside it hold as well.
    if (entry.isDirectory()) await scanInner(join(dir, entry.name, "node_modules"), scan);
  }
}

async function scanScope(dir: string, scan: Scan): Promise<void> {
  for (const entry of await entriesOf(dir)) {
    if (entry.isFile() || entry.name.startsWith(".")) continue;
    await addPackage(join(dir, entry.name), `${basename(dir)}/${entry.name}`, scan);
  }
}

async function addPackage(path: string, name: string, scan: Scan): Promise<void> {
  if (!(await isFolder(path))) return;
  const real = await realpath(path);
  if (!real.startsWith(scan.root + sep)) {
    scan.linkedOutside.add(toSlashes(relative(scan.root, path)));
    return;
  }
  const key = toSlashes(relative(scan.root, real));
  if (scan.packages.has(key)) return;
  scan.packages.set(key, { path: key, name });
  await scanInner(join(real, "node_modules"), scan);
}

async function scanInner(dir: string, scan: Scan): Promise<void> {
  if (!(await isFolder(dir))) return;
  const real = await realpath(dir);
  if (scan.entered.has(real) || !real.startsWith(scan.root + sep)) return;
  scan.entered.add(real);
  await scanModules(real, await entriesOf(real), scan);
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    // Absent, a broken link or a cycle of links: in each case there is no folder to audit.
    return false;
  }
}

async function entriesOf(dir: string): Promise<Dirent[]> {
  try {
    return await readdir(dir, { withFileTypes: true });
  } catch {
    // What cannot be listed holds no package that could be audited; the rest of the folder still can.
    return [];
  }
}

function toSlashes(path: string): string {
  return sep === "/" ? path : path.replaceAll(sep, "/");
}

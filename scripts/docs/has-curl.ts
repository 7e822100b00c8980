import { spawnSync } from "node:child_process";

/**
 * Whether there are `sh` and a curl that knows `--json`, as pages ask for; says so where there are not.
 *
 * A machine without them cannot show that curl works; CI and most developers have them.
 */
export function hasCurl(): boolean {
  const { stdout, error } = spawnSync("sh", ["-c", "curl --version"], { encoding: "utf8" });
  const [, major = 0, minor = 0] = /^curl (\d+)\.(\d+)/.exec(error ? "" : stdout) ?? [];
  const isThere = Number(major) * 1000 + Number(minor) >= 7082;
  if (!isThere) process.stdout.write("commands of pages are skipped: there is no sh with curl 7.82 or newer\n");
  return isThere;
}

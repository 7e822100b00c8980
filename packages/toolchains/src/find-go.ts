import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { Environment, Toolchain } from "./toolchain.ts";

/**
 * The Go that builds a module: the one SPANLOOM_GO names, or `go` of PATH, when it takes the module's go.mod.
 *
 * Asked in the module's folder, so that the toolchain is the one that builds there: a Go that is older than go.mod asks
 * for fetches a newer one itself, unless it is told not to or cannot.
 */
export function findGo(env: Environment, folder: string): Toolchain {
  const { SPANLOOM_GO: named } = env;
  const program = named || "go";
  const ask = (...args: string[]) => spawnSync(program, args, { cwd: folder, encoding: "utf8", env: { ...env } });
  // `go env` answers whatever go.mod asks for.
  const { status, stderr, error } = ask("list", "-m");
  if (status === 0) return { program, version: ask("env", "GOVERSION").stdout.trim().replace(/^go/, "") };
  const wanted = wantedVersion(folder);
  const reason = error ? "" : ` (${stderr.trim().split("\n").at(-1)})`;
  if (named) return { missing: `SPANLOOM_GO names "${named}", which is no Go ${wanted} or newer${reason}` };
  const how = "install it (https://go.dev/dl/), or name its program in SPANLOOM_GO";
  return { missing: `there is no Go ${wanted} or newer on PATH${reason}: ${how}` };
}

/** The C compiler that Go would build with, which the race detector needs; undefined where there is none. */
export function findCCompiler(env: Environment, go: string): string | undefined {
  const asked = spawnSync(go, ["env", "CC"], { encoding: "utf8", env: { ...env } });
  const compiler = asked.stdout?.trim() ?? "";
  const [program, ...args] = compiler.split(/\s+/);
  if (!program) return undefined;
  return spawnSync(program, [...args, "--version"], { stdio: "ignore", env: { ...env } }).status === 0
    ? compiler
    : undefined;
}

function wantedVersion(folder: string): string {
  const match = /^go (\d+\.\d+)/m.exec(readFileSync(path.join(folder, "go.mod"), "utf8"));
  if (!match) throw new Error(`cannot find a Go for ${folder}: its go.mod does not say which`);
  return match[1]!;
}

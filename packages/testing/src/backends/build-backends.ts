import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";

/** Programs that telemetry is sent to for proof, built. */
export interface Backends {
  /** An OpenTelemetry Collector that writes what it gets to a file. */
  readonly collector: string;
  /** Jaeger, all in one. */
  readonly jaeger: string;
}

const jaegerPackage = "github.com/jaegertracing/jaeger/cmd/jaeger";

/** The module that pins what is built, with its hashes. */
const source = path.join(import.meta.dirname, "program");
const folder = path.join(import.meta.dirname, "..", "..", "node_modules", ".cache", "backends");

/**
 * Builds the backends with Go, about five minutes of CPU the first time; Go's cache makes the next quick.
 *
 * Gives undefined where there is no Go. Errors: an Error with what Go says when it cannot build them.
 */
export function buildBackends(): Backends | undefined {
  if (spawnSync("go", ["version"]).status !== 0) return undefined;
  mkdirSync(folder, { recursive: true });
  const built = spawnSync("go", ["build", "-o", `${folder}${path.sep}`, "./collector", jaegerPackage], {
    cwd: source,
    stdio: ["ignore", "inherit", "pipe"],
    encoding: "utf8",
  });
  if (built.status !== 0) throw new Error(`cannot build the backends: ${built.stderr}`);
  return { collector: path.join(folder, "collector"), jaeger: path.join(folder, "jaeger") };
}

import { spawnSync } from "node:child_process";
import path from "node:path";
import { findCCompiler, findGo, pathWith } from "@spanloom/toolchains";
import { run } from "../bootstrap/run.mjs";
import { type Outcome, runSteps, type Step, type Subject } from "./subject.ts";

const root = path.resolve(import.meta.dirname, "..", "..");
const folder = path.join(root, "clients", "go");

/** The Go client: vet, format and tests with the race detector, which needs a C compiler. */
export const go: Subject = {
  name: "go",
  about: "clients/go: go vet, gofmt and go test -race",
  optionsOf: "go test",
  async test(options) {
    const found = findGo(process.env, folder);
    if ("missing" in found) return { state: "skipped", detail: found.missing };
    process.stdout.write(`go: ${found.program} ${found.version}\n`);
    return testGoModule({ go: found.program, folder, options });
  },
};

/** What tests of a Go module need. */
export interface GoModuleTest {
  /** Go's program. */
  go: string;
  /** Folder of the module. */
  folder: string;
  /** For `go test`; with some, nothing else runs. */
  options: readonly string[];
}

/** Vets a Go module, holds it to gofmt, and tests it. */
export async function testGoModule({ go, folder, options }: GoModuleTest): Promise<Outcome> {
  const env = goVariables(go);
  const compiler = findCCompiler(env, go);
  const race = compiler === undefined ? [] : ["-race"];
  const packages = options.some((option) => option.startsWith("./")) ? [] : ["./..."];
  const tests: Step = ["go test", go, "test", ...race, ...options, ...packages];
  const steps: Step[] = options.length > 0 ? [tests] : [["go vet", go, "vet", "./..."], tests];
  const unformatted = options.length > 0 ? [] : unformattedFiles(go, folder);
  if (unformatted.length > 0) return { state: "failed", detail: `gofmt would change ${unformatted.join(", ")}` };
  const cgo = compiler === undefined ? "0" : "1";
  const outcome = await runSteps(steps, (program, args) =>
    run(program, args, { cwd: folder, env: { ...env, CGO_ENABLED: cgo } }),
  );
  if (outcome.state === "failed") return outcome;
  const how = compiler === undefined ? "without the race detector, for want of a C compiler" : "with the race detector";
  return { state: "passed", detail: `${outcome.detail} ${how}` };
}

/** Programs that came with npm install come first, as tests start servers with them. */
export function goVariables(go: string): NodeJS.ProcessEnv {
  const folders = [path.join(root, "node_modules", ".bin")];
  // What runs Go in turn finds the same one.
  if (path.isAbsolute(go)) folders.unshift(path.dirname(go));
  return { ...process.env, PATH: pathWith(process.env, ...folders) };
}

/** Files that gofmt would write otherwise. Errors: when there is no gofmt beside Go, or it cannot read one. */
function unformattedFiles(go: string, folder: string): string[] {
  const env = goVariables(go);
  const home = spawnSync(go, ["env", "GOROOT"], { cwd: folder, encoding: "utf8", env }).stdout.trim();
  const gofmt = path.join(home, "bin", process.platform === "win32" ? "gofmt.exe" : "gofmt");
  const { status, stdout, stderr, error } = spawnSync(gofmt, ["-l", "."], { cwd: folder, encoding: "utf8", env });
  if (error || status !== 0) throw new Error(`cannot run gofmt in ${folder}: ${error?.message ?? stderr.trim()}`);
  return stdout.split("\n").filter((line) => line !== "");
}

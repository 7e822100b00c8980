/**
 * Writes everything that is made from something else: code from the protocol, docs/errors.md and
 * docs/metrics.md from catalogues. Python's code is made where `npm run test:clients` has run once, Go's where Go is.
 *
 * `npm run generate -- --baseline` also records the protocol as released, which `buf breaking` compares with; run it
 * when a release is made and at no other time.
 */
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { findGo, pathWith, pythonProgram } from "@spanloom/toolchains";
import { run } from "./bootstrap/run.mjs";
import { toolEnvironment } from "./check/command.ts";
import { baselineImage } from "./check/proto.ts";
import { errorsPage } from "./docs/errors-page.ts";
import { metricsPage } from "./docs/metrics-page.ts";

const root = path.dirname(import.meta.dirname);
const commands = [["format", "--write", "proto"], ["generate"]];
if (process.argv.includes("--baseline")) commands.push(["build", "proto", "--output", baselineImage]);

for (const args of commands) {
  const code = await run("buf", args, { cwd: root, env: toolEnvironment() });
  if (code !== 0) process.exit(code);
}
await generatePython();
await generateGo();
writeFileSync(path.join(root, "docs", "errors.md"), errorsPage());
writeFileSync(path.join(root, "docs", "metrics.md"), metricsPage());

/** Its generator is a Python package, which only the environment of the client's tests has. */
async function generatePython(): Promise<void> {
  const folder = path.join(root, "clients", "python");
  const program = pythonProgram(path.join(folder, ".venv"), "python");
  if (existsSync(program)) return generateClient(folder, path.dirname(program));
  process.stdout.write(
    "clients/python is left as it is: run `npm run test:clients` once, which installs its generator\n",
  );
}

/** Its generators are tools of its go.mod, which Go fetches and builds. */
async function generateGo(): Promise<void> {
  const folder = path.join(root, "clients", "go");
  const go = findGo(process.env, folder);
  if ("program" in go)
    return generateClient(folder, ...(path.isAbsolute(go.program) ? [path.dirname(go.program)] : []));
  process.stdout.write(`clients/go is left as it is: ${go.missing}\n`);
}

async function generateClient(folder: string, ...programs: string[]): Promise<void> {
  const env = toolEnvironment();
  const code = await run("buf", ["generate"], { cwd: folder, env: { ...env, PATH: pathWith(env, ...programs) } });
  if (code !== 0) process.exit(code);
}

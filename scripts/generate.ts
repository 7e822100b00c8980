/**
 * Writes everything that is made from something else: code from the protocol, docs/errors.md and
 * docs/metrics.md from catalogues. Python's code is made where `npm run test:clients` has run once, Go's where Go is.
 *
 * `npm run generate -- --baseline` also records the protocol as released, which `buf breaking` compares with; run it
 * when a release is made and at no other time.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { run } from "./bootstrap/run.mjs";
import { toolEnvironment } from "./check/command.ts";
import { generatedCode, generatorEnvironment } from "./check/generated-code.ts";
import { baselineImage } from "./check/proto.ts";
import { errorsPage } from "./docs/errors-page.ts";
import { metricsPage } from "./docs/metrics-page.ts";

const root = path.dirname(import.meta.dirname);
const inRoot = { cwd: root, env: toolEnvironment() };
await buf(["format", "--write", "proto"], inRoot);
for (const { folder, programs } of generatedCode) {
  const cwd = path.join(root, folder);
  const found = programs(cwd);
  if ("missing" in found) process.stdout.write(`${folder} is left as it is: ${found.missing}\n`);
  else await buf(["generate"], { cwd, env: generatorEnvironment(found) });
}
if (process.argv.includes("--baseline")) await buf(["build", "proto", "--output", baselineImage], inRoot);
writeFileSync(path.join(root, "docs", "errors.md"), errorsPage());
writeFileSync(path.join(root, "docs", "metrics.md"), metricsPage());

/** Runs buf; ends this program when it fails. */
async function buf(args: string[], options: { cwd: string; env: NodeJS.ProcessEnv }): Promise<void> {
  const code = await run("buf", args, options);
  if (code !== 0) process.exit(code);
}

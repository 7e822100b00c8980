/** All that CI does, in its order: tests, those in a browser, those of clients, checks, the demo. Stops at the first that fails. */
import path from "node:path";
import { run } from "./bootstrap/run.mjs";
import { toolEnvironment } from "./check/command.ts";

const root = path.dirname(import.meta.dirname);
const steps = [
  { name: "tests", script: "scripts/test.ts" },
  { name: "tests in a browser", script: "scripts/test-browser.ts" },
  { name: "tests of clients", script: "scripts/test-clients.ts" },
  { name: "checks", script: "scripts/check.ts" },
  { name: "demo", script: "apps/demo/src/bin/demo.ts" },
];

for (const { name, script } of steps) {
  const code = await run(process.execPath, [script], { cwd: root, env: toolEnvironment() });
  if (code === 0) continue;
  process.stderr.write(`cannot verify: ${name} failed with exit code ${code}\n`);
  process.exit(code);
}

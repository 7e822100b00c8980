/**
 * Proves telemetry against real backends: `npm run test:backends [-- filter...]`.
 *
 * Builds an OpenTelemetry Collector and Jaeger with Go, about five minutes of CPU the first time, sends them traces and
 * reads these back. Without Go it says so and skips them: `npm test` covers exporters with recorded peers. Metrics are read
 * by Prometheus and judged by promtool, where Debian's package `prometheus` is installed.
 */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { parseCLI, startVitest } from "vitest/node";

if (spawnSync("go", ["version"]).status !== 0) {
  process.stdout.write("There is no Go here: what needs an OpenTelemetry Collector or Jaeger is skipped.\n");
}
const { filter, options } = parseCLI(["vitest", "run", ...process.argv.slice(2)]);
const vitest = await startVitest("test", filter, {
  ...options,
  root: path.dirname(import.meta.dirname),
  watch: false,
  include: ["apps/demo/src/backends/**/*.test.ts"],
  exclude: ["**/node_modules/**"],
  typecheck: { enabled: false },
});
await vitest.close();

/**
 * Runs the tests that need a Chromium: `npm run test:browser`. `npm test` needs none.
 *
 * Where there is no Chromium it says so, and how to get one, and ends with 0: nothing was found to be wrong.
 */
import path from "node:path";
import { startVitest } from "vitest/node";
import { findChromium } from "./browser/find-chromium.ts";
import { CountReporter, formatCounts, isSuccess } from "./test/count-reporter.ts";

const chromium = findChromium(process.env);
if (chromium === undefined) {
  const how = "install one (apt-get install chromium), or name it in SPANLOOM_CHROMIUM";
  process.stdout.write(`browser: skipped, there is no Chromium on PATH: ${how}\n`);
} else {
  process.stdout.write(`browser: ${chromium}\n`);
  const reporter = new CountReporter();
  const vitest = await startVitest("test", [], {
    root: path.dirname(import.meta.dirname),
    watch: false,
    include: ["scripts/browser/*-in-chromium.ts"],
    typecheck: { enabled: false },
    reporters: ["default", reporter],
  });
  await vitest.close();
  const success = isSuccess(reporter.counts) && (process.exitCode ?? 0) === 0;
  process.stdout.write(`browser: ${formatCounts(reporter.counts)}\n`, () => process.exit(success ? 0 : 1));
}

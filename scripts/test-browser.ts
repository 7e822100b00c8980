/**
 * Runs the tests that need a Chromium: `npm run test:browser [-- filter...]`. `npm test` needs none.
 *
 * A filter is a part of a file's name, such as `journey`; options before the filters go to vitest. Where there is no
 * Chromium it says so, and how to get one, and ends with 0: nothing was found to be wrong.
 */
import { availableParallelism } from "node:os";
import path from "node:path";
import { parseCLI, startVitest } from "vitest/node";
import { findChromium } from "./browser/find-chromium.ts";
import { CountReporter, formatCounts, isSuccess } from "./test/count-reporter.ts";

const chromium = find();
if (chromium === undefined) {
  const how = "install one (apt-get install chromium, or Google Chrome), or name its program in SPANLOOM_CHROMIUM";
  process.stdout.write(`browser: skipped, there is no Chromium on PATH: ${how}\n`);
} else {
  process.stdout.write(`browser: ${chromium}\n`);
  const reporter = new CountReporter();
  const { filter, options } = parseCLI(["vitest", "run", ...process.argv.slice(2)]);
  const vitest = await startVitest("test", filter, {
    // A browser is several processes, which mostly wait for each other.
    maxWorkers: Math.max(2, Math.floor(availableParallelism() * 0.75)),
    ...options,
    root: path.dirname(import.meta.dirname),
    watch: false,
    include: ["scripts/browser/*-in-chromium.ts"],
    globalSetup: ["scripts/browser/build-console.ts"],
    typecheck: { enabled: false },
    reporters: ["default", reporter],
  });
  await vitest.close();
  const success = isSuccess(reporter.counts) && (process.exitCode ?? 0) === 0;
  process.stdout.write(`browser: ${formatCounts(reporter.counts)}\n`, () => process.exit(success ? 0 : 1));
}

function find(): string | undefined {
  try {
    return findChromium(process.env);
  } catch (error) {
    process.stderr.write(`browser: ${(error as Error).message}\n`);
    process.exit(1);
  }
}

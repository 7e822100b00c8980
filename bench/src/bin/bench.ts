#!/usr/bin/env node
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { benchDispatch } from "../dispatch/dispatch.ts";
import { parseOptions, UsageError, usage } from "../options.ts";
import { benchSpans } from "../spans/spans.ts";
import { benchTriggers } from "../triggers/triggers.ts";
import { benchWaterfall } from "../waterfall/waterfall.ts";

const defaultDataDir = fileURLToPath(new URL("../../../.bench", import.meta.url));

const benches = { dispatch: benchDispatch, spans: benchSpans, triggers: benchTriggers, waterfall: benchWaterfall };

/** Runs the benchmark the command line names; gives the exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args, (line) => process.stderr.write(`${line}\n`));
    if (!options) {
      process.stdout.write(usage);
      return 0;
    }
    const parent = resolve(options.dataDir ?? defaultDataDir);
    await mkdir(parent, { recursive: true });
    const dataDir = await mkdtemp(join(parent, `${options.bench}-`));
    try {
      const figures = await benches[options.bench](options, dataDir);
      process.stdout.write(`${JSON.stringify(figures, null, options.json ? 0 : 2)}\n`);
      return 0;
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  } catch (error) {
    const usageError = error instanceof UsageError;
    process.stderr.write(
      `${usageError || !(error instanceof Error) ? String((error as Error).message) : error.stack}\n`,
    );
    if (usageError) process.stderr.write("Try --help.\n");
    return usageError ? 2 : 1;
  }
}

process.exitCode = await main(process.argv.slice(2));

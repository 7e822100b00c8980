#!/usr/bin/env node
import { randomInt } from "node:crypto";
import { fileURLToPath } from "node:url";
import { runDemo } from "../demo.ts";
import { parseOptions, UsageError, usage } from "../options.ts";

const nodeModules = fileURLToPath(new URL("../../../../node_modules", import.meta.url));

/** Runs the demo; gives the exit code. */
async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  try {
    const options = parseOptions(args, { dir: nodeModules, seed: randomInt(2 ** 31) });
    if (!options) {
      process.stdout.write(usage);
      return 0;
    }
    const live = process.stdout.isTTY === true && process.env.TERM !== "dumb";
    const summary = await runDemo(options, {
      write: (text) => process.stdout.write(text),
      live,
      color: live && !process.env.NO_COLOR,
      columns: process.stdout.columns || 100,
      nowMs: () => performance.now(),
      signal,
    });
    const sound = summary.orphans === 0 && (summary.runtimes?.problems ?? []).length === 0;
    return summary.state === "SUCCEEDED" && sound ? 0 : 1;
  } catch (error) {
    if (signal.aborted) return 130;
    const usageError = error instanceof UsageError;
    process.stderr.write(
      `${error instanceof Error && !usageError ? (error.stack ?? error) : (error as Error).message}\n`,
    );
    if (usageError) process.stderr.write("Try --help.\n");
    return usageError ? 2 : 1;
  }
}

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  // The second signal finds no handler and ends the process at once.
  process.once(name, () => stop.abort(new Error(`cannot finish: ${name} came`)));
}
process.exitCode = await main(process.argv.slice(2), stop.signal);

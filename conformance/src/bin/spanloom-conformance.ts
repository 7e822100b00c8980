#!/usr/bin/env node
import { runConformance } from "../cli/run-conformance.ts";

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  // The second signal finds no handler and ends the process at once.
  process.once(name, () => stop.abort());
}

// Whoever reads may have seen enough, as head has: there is nobody to go on for.
process.stdout.on("error", () => stop.abort());

const outputOf = (stream: NodeJS.WriteStream) => ({
  write: (text: string) => void stream.write(text),
  isTTY: stream.isTTY === true,
});

process.exitCode = await runConformance(process.argv.slice(2), {
  stdout: outputOf(process.stdout),
  stderr: outputOf(process.stderr),
  env: process.env,
  signal: stop.signal,
});

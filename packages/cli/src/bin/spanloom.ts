#!/usr/bin/env node
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { type CliStream, StopError } from "../cli-context.ts";
import { runCli } from "../run-cli.ts";

// For a server that runs here: queries and file streams share libuv's threads, and would delay ingest with 4 of them.
process.env.UV_THREADPOOL_SIZE ??= "8";

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  // The second signal finds no handler and ends the process at once.
  process.once(name, () => {
    // Terminals show ^C where the cursor is; what follows begins on a line of its own.
    if (name === "SIGINT" && process.stderr.isTTY) process.stderr.write("\n");
    stop.abort(new StopError(name));
  });
}
// Whoever reads us has seen enough, e.g. `| head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
// Nobody hears what goes wrong; the exit code still tells.
process.stderr.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

const exitCode = await runCli(process.argv.slice(2), {
  stdout: streamOf(process.stdout),
  stderr: streamOf(process.stderr),
  env: process.env,
  signal: stop.signal,
  readStdin: () => text(process.stdin),
  nowMs: Date.now,
});
// Tasks that a stopped runner gave up may hold timers and sockets for as long as they like.
if (stop.signal.aborted) process.exit(exitCode);
process.exitCode = exitCode;

function streamOf(stream: NodeJS.WriteStream): CliStream {
  return {
    write: (data) => void stream.write(data),
    drained: async () => {
      if (stream.writableNeedDrain) await once(stream, "drain");
    },
    isTTY: stream.isTTY === true,
    // A terminal may have no size, as one of a build has none.
    get columns() {
      return stream.columns || 100;
    },
    get rows() {
      return stream.rows || 24;
    },
  };
}

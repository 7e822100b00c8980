import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type CliContext, OperationError } from "../cli-context.ts";
import { untilAborted } from "../until-aborted.ts";
import { watchLine } from "./watch-line.ts";

/** How to run what is watched. */
export interface Watched {
  url: string;
  token: string | undefined;
  json: boolean;
  context: CliContext;
}

/**
 * Runs `spanloom runner` in a process that Node.js starts anew when a file that it loaded changes, until the signal.
 *
 * Errors: OperationError when the process that watches ends by itself.
 */
export async function runWatched(args: readonly string[], { url, token, json, context }: Watched): Promise<void> {
  const bin = fileURLToPath(new URL(`../bin/spanloom${extname(import.meta.filename)}`, import.meta.url));
  const child = spawn(process.execPath, ["--watch", "--watch-preserve-output", bin, "runner", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...context.env, SPANLOOM_URL: url, ...(token && { SPANLOOM_TOKEN: token }) },
  });
  pass(child, { json, context });
  const exited = once(child, "exit");
  await Promise.race([untilAborted(context.signal), exited]);
  if (!context.signal.aborted) throw new OperationError("cannot go on: the process that runs the tasks ended");
  child.kill("SIGTERM");
  await exited;
}

/** Passes on what the process writes; with JSON only its objects are for the standard output. */
function pass({ stdout, stderr }: ChildProcess, { json, context }: Pick<Watched, "json" | "context">): void {
  if (stdout)
    createInterface({ input: stdout }).on("line", (line) => {
      const told = watchLine(line);
      if (told.text === null) return;
      const target = told.isWatchers || (json && !told.text.startsWith("{")) ? context.stderr : context.stdout;
      target.write(`${told.text}\n`);
    });
  if (stderr)
    createInterface({ input: stderr }).on("line", (line) => {
      const { text } = watchLine(line);
      if (text !== null) context.stderr.write(`${text}\n`);
    });
}

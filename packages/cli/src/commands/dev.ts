import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { extname, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { type CliContext, OperationError } from "../cli-context.ts";
import { wholeNumber } from "../flag-values.ts";
import { loadOptional } from "../load-optional.ts";
import { serverOptions, wantsJson } from "../server-options.ts";
import { untilAborted } from "../until-aborted.ts";

interface DevFlags {
  port: number;
  dataDir?: string;
}

/** `spanloom dev`: a server and a runner that starts anew whenever its code changes. */
export function devCommand(context: CliContext): Command {
  return new Command("dev")
    .description("run a server and the tasks of modules, anew whenever their code changes, until Ctrl-C")
    .argument("<modules...>", "TypeScript or JavaScript modules that export tasks")
    .option("--port <port>", "port to listen on; 0 takes any", wholeNumber("--port", 0, 65_535), 7171)
    .option("--data-dir <dir>", "where jobs and telemetry are kept, default SPANLOOM_DATA_DIR or ./.spanloom")
    .addHelpText(
      "after",
      "\nWhat the modules import is watched, too. A runner that is replaced finishes what it has first.\n\nExamples:\n  spanloom dev tasks.ts\n  spanloom dev tasks.ts more-tasks.ts --port 0 --json\n",
    )
    .action(async (modules: string[], flags: DevFlags, command: Command) => {
      const { startServer } = await loadOptional("@spanloom/server", () => import("@spanloom/server"));
      const dataDir = resolve(flags.dataDir ?? context.env.SPANLOOM_DATA_DIR ?? ".spanloom");
      const { token } = serverOptions(command, context);
      const secretKey = context.env.SPANLOOM_SECRET_KEY;
      await using server = await startServer({
        dataDir,
        host: "127.0.0.1",
        port: flags.port,
        ...(token && { token }),
        ...(secretKey && { secretKey }),
        environment: (name) => context.env[name],
        log: (line) => context.stderr.write(`${line}\n`),
      });
      const { url, port } = server;
      const json = wantsJson(command);
      context.stdout.write(
        json ? `${JSON.stringify({ url, port, dataDir })}\n` : `Console at ${url}, data in ${dataDir}\n`,
      );
      await runWatched(modules, { url, token, json, context });
    });
}

interface Watched {
  url: string;
  token: string | undefined;
  json: boolean;
  context: CliContext;
}

/** Runs the modules in a process that Node.js starts anew when a file that it loaded changes. */
async function runWatched(modules: readonly string[], { url, token, json, context }: Watched): Promise<void> {
  const bin = fileURLToPath(new URL(`../bin/spanloom${extname(import.meta.filename)}`, import.meta.url));
  const watch = ["--watch", "--watch-preserve-output"];
  const child = spawn(process.execPath, [...watch, bin, "runner", ...modules, ...(json ? ["--json"] : [])], {
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
      const target = json && !line.startsWith("{") ? context.stderr : context.stdout;
      target.write(`${line}\n`);
    });
  if (stderr) createInterface({ input: stderr }).on("line", (line) => context.stderr.write(`${line}\n`));
}

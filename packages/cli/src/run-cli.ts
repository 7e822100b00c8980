import { DEFAULT_URL } from "@spanloom/sdk";
import { type CliContext, type CliStream, colorsOf, exitCodes, interruptedCode } from "./cli-context.ts";
import { explainError } from "./explain-error.ts";
import type { Explanation } from "./explanation.ts";
import { buildProgram } from "./program.ts";
import type { GlobalOptions } from "./server-options.ts";
import { manyLines } from "./text/text-table.ts";

/** Runs one command line; gives the exit code, see docs/cli.md. */
export async function runCli(args: readonly string[], world: CliContext): Promise<number> {
  let exitCode: number = exitCodes.ok;
  // What concerns every command is looked for here: a command line that is not understood is answered, too.
  const flags = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  let context = flags.includes("--no-color") ? { ...world, env: { ...world.env, NO_COLOR: "1" } } : world;
  const json = flags.includes("--json");
  if (json) context = { ...context, stdout: jsonStream(context.stdout), stderr: jsonStream(context.stderr) };
  const program = buildProgram(context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    if (context.signal.aborted) return interruptedCode(context.signal);
    const { url = context.env.SPANLOOM_URL || DEFAULT_URL } = program.opts<GlobalOptions>();
    return showError(explainError(error, url), context, json);
  }
}

function showError(explained: Explanation | null, context: CliContext, json: boolean): number {
  if (!explained) return exitCodes.ok;
  const { exitCode, reason, message, hint } = explained;
  const { stderr } = context;
  if (json) {
    stderr.write(`${JSON.stringify({ error: { code: exitCode, reason, message, hint } })}\n`);
    return exitCode;
  }
  if (explained.isShown) return exitCode;
  // Servers quote what they were sent, and a terminal obeys what is in it.
  const shown = manyLines(message);
  stderr.write(colorsOf(context, stderr) ? `\u001b[31m${shown}\u001b[39m\n` : `${shown}\n`);
  if (hint !== "") stderr.write(`${manyLines(hint)}\n`);
  return exitCode;
}

// JSON escapes line feeds and escape sequences by itself, but neither these controls nor what turns the direction.
const UNESCAPED = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A stream for JSON: on a terminal it escapes what JSON may hold as it is and a terminal would obey. */
function jsonStream(stream: CliStream): CliStream {
  if (!stream.isTTY) return stream;
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  const write = (data: string | Uint8Array) =>
    stream.write(typeof data === "string" ? data.replace(UNESCAPED, escaped) : data);
  return { ...stream, write };
}

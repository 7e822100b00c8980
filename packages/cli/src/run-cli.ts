import { type CliContext, colorsOf, exitCodes } from "./cli-context.ts";
import { explainError } from "./explain-error.ts";
import { buildProgram } from "./program.ts";

/** Runs one command line; gives the exit code: 0 done, 1 it failed, 2 it was not understood, 130 interrupted. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = buildProgram(context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    if (context.signal.aborted) return exitCodes.interrupted;
    return showError(error, context, args.includes("--json"));
  }
}

function showError(error: unknown, context: CliContext, json: boolean): number {
  const explained = explainError(error);
  if (!explained) return exitCodes.ok;
  const { exitCode, reason, message, hint } = explained;
  if (message === "") return exitCode;
  const { stderr } = context;
  if (json) {
    stderr.write(`${JSON.stringify({ error: { reason, message, hint } })}\n`);
    return exitCode;
  }
  stderr.write(colorsOf(context, stderr) ? `\u001b[31m${message}\u001b[0m\n` : `${message}\n`);
  if (hint !== "") stderr.write(`${hint}\n`);
  return exitCode;
}

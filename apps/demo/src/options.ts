import { parseArgs } from "node:util";

/** What the command line asks for. */
export interface DemoOptions {
  /** Folder to audit. */
  dir: string;
  /** Folder for report.json, spans.arrow and summary.json. */
  out: string;
  /** Runner processes. */
  runners: number;
  /** Whether to SIGKILL one of them in mid-run. */
  kill: boolean;
  /** Whether the tasks run in TypeScript, Python and Go, each in one runner. */
  polyglot: boolean;
  /** Decides which runner dies and when. */
  seed: number;
}

/** A command line that makes no sense; the message says why. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const usage = `Audits the packages installed in a folder: sizes, licences, duplicate files, broken manifests.

Usage: npm run demo -- [options]

  --dir DIR      folder to audit (default: the node_modules of this repository)
  --out DIR      where to write report.json, spans.arrow and summary.json (default: demo-out)
  --runners N    runner processes, 1..64 (default: 2)
  --kill         SIGKILL one runner about halfway; needs --runners 2 or more, or --polyglot, where it is Python's,
                 and another takes its place
  --polyglot     list packages in TypeScript, hash them in Python, merge the report in Go; needs Python and Go
  --seed N       decides which runner dies and when (default: random, printed)
  --help         show this text

NO_COLOR is honoured. Exit code: 0 when the job succeeded and its trace is one tree, 1 otherwise, 2 for a bad command line
or a language that is missing.
`;

/**
 * Reads the command line; null when help is asked for.
 *
 * Errors: UsageError.
 */
export function parseOptions(args: readonly string[], defaults: { dir: string; seed: number }): DemoOptions | null {
  const values = parseFlags(args);
  if (values.help) return null;
  const runners = integerOf("--runners", values.runners, { fallback: 2, min: 1, max: 64 });
  const seed = integerOf("--seed", values.seed, { fallback: defaults.seed, min: 0, max: 2 ** 32 - 1 });
  const kill = values.kill ?? false;
  if (kill && runners < 2) throw new UsageError(`cannot use --kill: --runners is ${runners}, but one must survive`);
  const polyglot = values.polyglot ?? false;
  if (polyglot && values.runners !== undefined)
    throw new UsageError("cannot use --runners with --polyglot: there is one runner for each language");
  const { dir = defaults.dir, out = "demo-out" } = values;
  return { dir, out, runners: polyglot ? 3 : runners, kill, polyglot, seed };
}

function parseFlags(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      allowPositionals: false,
      options: {
        dir: { type: "string" },
        out: { type: "string" },
        runners: { type: "string" },
        kill: { type: "boolean" },
        polyglot: { type: "boolean" },
        seed: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(`cannot read the command line: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function integerOf(
  flag: string,
  text: string | undefined,
  { fallback, min, max }: { fallback: number; min: number; max: number },
): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < min || value > max)
    throw new UsageError(`cannot use ${flag} "${text}": it must be a whole number from ${min} to ${max}`);
  return value;
}

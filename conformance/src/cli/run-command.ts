import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { CaseFileError } from "../cases/case-file-error.ts";
import type { Case, Suite } from "../cases/suite.ts";
import { jsonReport } from "../report/json-report.ts";
import { Progress } from "../report/progress.ts";
import { failureLines, resultLine, skipLine, strayLine, summaryLine } from "../report/text-report.ts";
import { judge, type KnownFailure, nameOf, readKnownFailures, strayEntries } from "../run/known-failures.ts";
import { lackOf, runCases, runsOf } from "../run/run-cases.ts";
import type { Subject } from "../run/subject.ts";
import { type Command, type ConformanceContext, listOf, type OptionValues, UsageError } from "./command.ts";

const CASE_LIMIT_MS = 120_000;

const commonOptions = {
  suite: { type: "string", multiple: true },
  case: { type: "string", multiple: true },
  "known-failures": { type: "string" },
  suites: { type: "string" },
  patience: { type: "string" },
  json: { type: "boolean" },
  list: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

const commonHelp = [
  "  --suite <name>             only these suites; repeated or with commas",
  "  --case <text>              only cases whose name contains this; repeated",
  "  --known-failures <file>    cases that are known to fail: one that passes, or is not there, fails the run",
  "  --suites <folder>          suites of your own in place of those that come along",
  "  --patience <number>        multiplies every time limit, for a slow machine (default 1)",
  "  --json                     write a report in JSON to standard output",
  "  --list                     write the names of the cases, and run none",
  "  --help                     print this",
];

/**
 * Runs a subcommand; returns the exit code: 0 when every case passed or failed as listed, 1 when not, 2 when nothing could
 * be run.
 */
export async function runCommand<Step>(
  command: Command<Step>,
  args: readonly string[],
  context: ConformanceContext,
): Promise<number> {
  try {
    return await run(command, args, context);
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof CaseFileError)) throw error;
    context.stderr.write(`${error.message}\n`);
    return 2;
  }
}

async function run<Step>(
  command: Command<Step>,
  args: readonly string[],
  context: ConformanceContext,
): Promise<number> {
  const { values, rest } = parse(command, args);
  if (values.help) {
    context.stdout.write(`${helpOf(command).join("\n")}\n`);
    return 0;
  }
  const suites = readSuitesOf(command, String(values.suites ?? suitesFolder(command.kind.name)));
  const cases = selectCases(suites, values);
  if (values.list) {
    for (const each of cases) context.stdout.write(`${nameOf(each)} (protocol ${each.proves.join(", ")})\n`);
    return 0;
  }
  const known = readList(values["known-failures"]);
  const patience = patienceOf(values.patience);
  await using subject = await command.connect({ values, rest, env: context.env, patience, signal: context.signal });
  const allCases = suites.flatMap((suite) => suite.cases);
  // The subject is disposed of when this function ends, so it ends with the report.
  return await report(subject, { cases, allCases, known, patience, json: values.json === true }, context);
}

interface Plan<Step> {
  cases: readonly Case<Step>[];
  allCases: readonly Case<Step>[];
  known: readonly KnownFailure[];
  patience: number;
  json: boolean;
}

async function report<Step>(
  subject: Subject<Step>,
  { cases, allCases, known, patience, json }: Plan<Step>,
  { stdout, stderr, signal }: ConformanceContext,
): Promise<number> {
  const lines = json ? stderr : stdout;
  const able = cases.filter((each) => lackOf(each, subject).length === 0);
  for (const each of cases) if (!able.includes(each)) lines.write(`${skipLine(each, lackOf(each, subject))}\n`);
  const runs = runsOf(able, subject.variants);
  if (runs.length === 0) throw new UsageError("cannot run anything: no case is for this subject");
  const progress = new Progress(stderr, runs.length);
  const results = await runCases(subject, runs, {
    signal,
    caseLimitMs: CASE_LIMIT_MS * patience,
    onResult: (result) => {
      progress.clear();
      const [judged] = judge([result], known);
      if (judged?.outcome === "failed" || judged?.outcome === "unexpected") lines.write(`${resultLine(judged)}\n`);
      progress.add(result);
    },
  });
  progress.clear();
  const judged = judge(results, known);
  const stray = strayEntries(known, allCases, subject.variants);
  for (const entry of stray) lines.write(`${strayLine(entry)}\n`);
  if (json) stdout.write(jsonReport(subject.name, judged, stray));
  for (const line of failureLines(judged)) lines.write(`${line}\n`);
  lines.write(`${summaryLine(subject.name, judged)}\n`);
  if (signal.aborted) lines.write(`interrupted after ${results.length} of ${runs.length} runs\n`);
  const bad = judged.some(({ outcome }) => outcome === "failed" || outcome === "unexpected");
  return bad || stray.length > 0 || signal.aborted ? 1 : 0;
}

function parse<Step>(command: Command<Step>, args: readonly string[]) {
  const dashes = args.indexOf("--");
  const own = dashes === -1 ? args : args.slice(0, dashes);
  try {
    const { values } = parseArgs({ args: [...own], options: { ...commonOptions, ...command.options }, strict: true });
    return { values: values as OptionValues, rest: dashes === -1 ? [] : args.slice(dashes + 1) };
  } catch (error) {
    throw new UsageError(`cannot read the options: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function helpOf<Step>(command: Command<Step>): string[] {
  return [`Usage: spanloom-conformance ${command.usage}`, "", ...command.help, ...commonHelp];
}

function readSuitesOf<Step>({ kind }: Command<Step>, folder: string): readonly Suite<Step>[] {
  if (!existsSync(folder)) throw new UsageError(`cannot read suites: there is no folder "${folder}"`);
  return kind.readSuites(folder);
}

/** The suites that come with this program. */
function suitesFolder(name: string): string {
  return path.join(import.meta.dirname, "../../suites", name);
}

function selectCases<Step>(suites: readonly Suite<Step>[], values: OptionValues): Case<Step>[] {
  const names = listOf(values.suite);
  const unknown = names.find((name) => !suites.some((suite) => suite.name === name));
  if (unknown !== undefined)
    throw new UsageError(`cannot find the suite "${unknown}": there are ${suites.map(({ name }) => name).join(", ")}`);
  const texts = Array.isArray(values.case) ? values.case.map(String) : [];
  const cases = suites
    .filter((suite) => names.length === 0 || names.includes(suite.name))
    .flatMap((suite) => suite.cases)
    .filter((each) => texts.length === 0 || texts.some((text) => nameOf(each).includes(text)));
  if (cases.length === 0) throw new UsageError(`cannot find a case whose name contains ${JSON.stringify(texts)}`);
  return cases;
}

function readList(file: OptionValues[string]): KnownFailure[] {
  if (file === undefined) return [];
  const name = String(file);
  let text: string;
  try {
    text = readFileSync(name, "utf8");
  } catch (error) {
    throw new UsageError(`cannot read the known failures: ${error instanceof Error ? error.message : String(error)}`);
  }
  return readKnownFailures(name, text);
}

function patienceOf(value: OptionValues[string]): number {
  const patience = Number(value ?? 1);
  if (!(patience > 0 && patience <= 100)) throw new UsageError(`cannot use --patience "${String(value)}": 0 to 100`);
  return patience;
}

import { readRunnerSuites } from "../runner/read-runner-suites.ts";
import type { RunnerStep } from "../runner/runner-step.ts";
import { RunnerSubject } from "../runner/runner-subject.ts";
import { type Command, type ConnectOptions, UsageError } from "./command.ts";

const DEFAULT_CONCURRENCY = 8;
const DEFAULT_PROCESSES = 4;

/** How long a runner may take to make its first call. */
const START_MS = 60_000;

/** `spanloom-conformance runner`: tests the runner that a command starts. */
export const runnerCommand: Command<RunnerStep> = {
  kind: { name: "runner", readSuites: readRunnerSuites },
  usage: "runner [options] -- <command> [arguments]",
  help: [
    "  <command>                  starts a runner with the tasks of runner-tasks.md; it is started several times",
    `  --concurrency <number>     cases that share a runner and run at once (default ${DEFAULT_CONCURRENCY})`,
    `  --processes <number>       runners of their own that cases may have at once (default ${DEFAULT_PROCESSES})`,
  ],
  options: { concurrency: { type: "string" }, processes: { type: "string" } },
  async connect({ values, rest, env, patience, signal }) {
    if (rest.length === 0) throw new UsageError("cannot test a runner: name its command after --");
    const subject = new RunnerSubject({
      command: rest,
      env,
      concurrency: wholeNumber("concurrency", values, DEFAULT_CONCURRENCY),
      processes: wholeNumber("processes", values, DEFAULT_PROCESSES),
      patience,
    });
    const problem = await subject.start(signal, START_MS * patience);
    if (problem === undefined) return subject;
    await subject[Symbol.asyncDispose]();
    throw new UsageError(`cannot test ${subject.name}: ${problem}`);
  },
};

function wholeNumber(name: string, values: ConnectOptions["values"], usual: number): number {
  const number = Number(values[name] ?? usual);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new UsageError(`cannot use --${name} "${String(values[name])}": a whole number of at least 1`);
}

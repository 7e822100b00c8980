/**
 * Runs the tests of the clients in other languages: `npm run test:clients [-- subject [options...]]`. `npm test` needs
 * none of them.
 *
 * A language that is not there is skipped, which is said with how to get it, and no failure: nothing was found to be
 * wrong. The last line tells of every subject what ran, or why it did not.
 */
import { conformance } from "./clients/conformance.ts";
import { demo } from "./clients/demo.ts";
import { documents } from "./clients/documents.ts";
import { go } from "./clients/go.ts";
import { python } from "./clients/python.ts";
import type { Outcome, Subject } from "./clients/subject.ts";
import { summaryOf, usageOf } from "./clients/summary.ts";

const subjects: readonly Subject[] = [python, go, conformance, documents, demo];

process.exitCode = await main(process.argv.slice(2));

async function main([name, ...options]: readonly string[]): Promise<number> {
  if (name === "--help" || name === "-h") {
    process.stdout.write(usageOf(subjects));
    return 0;
  }
  const chosen = subjects.filter((subject) => name === undefined || subject.name === name);
  if (chosen.length === 0) {
    process.stderr.write(`cannot test "${name}": it is no subject\n${usageOf(subjects)}`);
    return 2;
  }
  const outcomes = new Map<string, Outcome>();
  for (const subject of chosen) outcomes.set(subject.name, await outcomeOf(subject, options));
  process.stdout.write(`${summaryOf(outcomes)}\n`);
  return [...outcomes.values()].some(({ state }) => state === "failed") ? 1 : 0;
}

async function outcomeOf(subject: Subject, options: readonly string[]): Promise<Outcome> {
  process.stdout.write(`\n=== ${subject.name}\n`);
  const outcome = await subject.test(options).catch((error: Error) => ({
    state: "failed" as const,
    detail: error.message,
  }));
  process.stdout.write(`${subject.name}: ${outcome.state}, ${outcome.detail}\n`);
  return outcome;
}

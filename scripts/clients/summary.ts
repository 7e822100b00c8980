import type { Outcome, Subject } from "./subject.ts";

/** One line on all outcomes: what failed, what passed, and what was skipped and why. */
export function summaryOf(outcomes: ReadonlyMap<string, Outcome>): string {
  const parts = (["failed", "passed", "skipped"] as const).flatMap((state) => {
    const those = [...outcomes].filter(([, outcome]) => outcome.state === state);
    if (those.length === 0) return [];
    return [`${state}: ${those.map(([name, { detail }]) => `${name} (${detail})`).join(", ")}`];
  });
  return `clients: ${parts.join("; ")}`;
}

/** What the command line understands. */
export function usageOf(subjects: readonly Subject[]): string {
  const width = Math.max(...subjects.map(({ name }) => name.length));
  const rows = subjects.map(({ name, about, optionsOf }) => `  ${name.padEnd(width)}  ${about}; options: ${optionsOf}`);
  return `Usage: npm run test:clients [-- subject [options...]]

Without a subject, all of them; with options, only the tests that those choose.

${rows.join("\n")}

  npm run test:clients -- python -k retry
  npm run test:clients -- go -run Retry
`;
}

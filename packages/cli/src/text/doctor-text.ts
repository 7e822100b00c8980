import { type CliContext, colorsOf } from "../cli-context.ts";
import type { CheckState, Report } from "../doctor/finding.ts";
import { oneLine } from "./text-table.ts";

const codes: Record<CheckState, number> = { ok: 32, warning: 33, failed: 31, skipped: 90 };

/** A report for people: a line for each check, what to do below it, and the sum of it. */
export function doctorText({ checks, url }: Report, context: CliContext): string {
  const color = colorsOf(context, context.stdout);
  const lines = checks.map(({ name, state, message, hint }) => {
    const shown = color ? `\u001b[${codes[state]}m${state.padEnd(7)}\u001b[0m` : state.padEnd(7);
    return `${shown}  ${name.padEnd(13)}  ${oneLine(message)}\n${hint === "" ? "" : `${" ".repeat(24)}${oneLine(hint)}\n`}`;
  });
  const count = (wanted: CheckState) => checks.filter(({ state }) => state === wanted).length;
  const failed = count("failed");
  const verdict = failed > 0 ? `${failed} of ${checks.length} checks failed` : "All is well";
  const warnings = count("warning");
  return `${lines.join("")}\n${verdict}${warnings > 0 ? `, ${warnings} to look at` : ""}: ${url}\n`;
}

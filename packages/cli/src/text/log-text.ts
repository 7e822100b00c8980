import type { RecordBatch } from "apache-arrow";
import { oneLine } from "./text-table.ts";

const COLORS: Readonly<Record<string, string>> = { WARN: "\u001b[33m", ERROR: "\u001b[31m", FATAL: "\u001b[31m" };

/** Log records of one batch as lines: time, severity, task, text, attributes. */
export function logText(batch: RecordBatch, color: boolean): string {
  const column = (name: string) => batch.getChild(name);
  const [times, severities, bodies] = [column("time"), column("severity"), column("body")];
  const [tasks, attempts, attributes] = [column("task_name"), column("attempt"), column("attributes")];
  let lines = "";
  for (let row = 0; row < batch.numRows; row++) {
    const severity = String(severities?.get(row) ?? "");
    const task = tasks?.get(row) ? ` [${tasks.get(row)}#${attempts?.get(row) ?? 1}]` : "";
    const time = new Date(Number(times?.get(row) ?? 0)).toISOString();
    const label = color && COLORS[severity] ? `${COLORS[severity]}${severity.padEnd(5)}\u001b[0m` : severity.padEnd(5);
    lines += `${time} ${label}${oneLine(task)} ${oneLine(String(bodies?.get(row) ?? ""))}${attributesText(attributes?.get(row))}\n`;
  }
  return lines;
}

/** A map column's value as ` key=value` pairs; the names Spanloom adds itself are left out. */
function attributesText(value: Iterable<[string, unknown]> | null | undefined): string {
  if (!value) return "";
  return [...value]
    .filter(([key]) => !key.startsWith("spanloom."))
    .map(([key, text]) => ` ${oneLine(key)}=${oneLine(String(text))}`)
    .join("");
}

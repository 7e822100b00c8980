import { attributesToJson, valueToJson } from "@spanloom/exporter";
import { attributeNames } from "@spanloom/protocol";
import { type LogRecord, type Span, Status_StatusCode } from "@spanloom/protocol/otlp";
import { formatTime } from "./json-line.ts";
import type { SpanNode } from "./pending-spans.ts";

/** Colours text of a kind; gives it unchanged when colours are off. */
export type Paint = (kind: "error" | "warn" | "dim", text: string) => string;

const codes = { error: "31", warn: "33", dim: "2" } as const;

/** A paint that writes ANSI sequences, or with `color` false one that changes nothing. */
export function paintFor(color: boolean): Paint {
  return (kind, text) => (color && text !== "" ? `\u001b[${codes[kind]}m${text}\u001b[0m` : text);
}

/** Levels that are indented; a deeper one would be off the screen, and 10,000 of them 100 MB of indentation. */
const MAX_INDENTED = 64;

/**
 * A tree of spans as lines: when it ended, then each span with its duration and, when it failed, why.
 *
 * Spans below level 64 stand at that level, marked `…`. No call is nested, so a tree may be of any depth.
 */
export function treeText(root: SpanNode, paint: Paint): string {
  const lines: string[] = [];
  const lead = `${clockTime(root.span.endTimeUnixNano)} `;
  const waiting: Line[] = [{ node: root, level: 0, lead, below: " ".repeat(lead.length) }];
  for (let line = waiting.pop(); line; line = waiting.pop()) {
    lines.push(`${paint("dim", line.lead)}${spanText(line.node.span, paint)}\n`);
    for (let i = line.node.children.length - 1; i >= 0; i--) waiting.push(childLine(line, i));
  }
  return lines.join("");
}

function childLine({ node: { children }, level, below }: Line, index: number): Line {
  const node = children[index]!;
  if (level >= MAX_INDENTED) return { node, level, lead: `${below}… `, below };
  const [branch, trunk] = index === children.length - 1 ? ["└ ", "  "] : ["├ ", "│ "];
  return { node, level: level + 1, lead: below + branch, below: below + trunk };
}

/** A line to come: what stands before its span, and before those below it. */
interface Line {
  readonly node: SpanNode;
  readonly level: number;
  readonly lead: string;
  readonly below: string;
}

function spanText(span: Span, paint: Paint): string {
  const failed = span.status?.code === Status_StatusCode.ERROR;
  const attempt = Number(attributeOf(span, attributeNames.taskAttempt) ?? 0);
  const isAttempt = attributeOf(span, attributeNames.spanType) === "attempt";
  const name = `${plain(span.name)}${isAttempt && attempt > 1 ? ` #${attempt}` : ""}`;
  const duration = paint("dim", formatMs(Number(span.endTimeUnixNano - span.startTimeUnixNano) / 1e6));
  if (!failed) return `${name} ${duration}`;
  const message = span.status?.message ? `  ${plain(span.status.message)}` : "";
  return `${paint("error", `${name} ✗`)} ${duration}${paint("error", message)}`;
}

function attributeOf(span: Span, name: string): unknown {
  return span.attributes.find(({ key }) => key === name)?.value?.value.value;
}

/** A log record as a line: when, how severe, what, and its attributes but Spanloom's own. */
export function logText(record: LogRecord, paint: Paint): string {
  const body = valueToJson(record.body);
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const attributes = Object.entries(attributesToJson(record.attributes))
    .filter(([key]) => !key.startsWith("spanloom."))
    .map(([key, value]) => ` ${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("");
  const severity = (record.severityText || severityName(record.severityNumber)).padEnd(5);
  const kind = record.severityNumber >= 17 ? "error" : record.severityNumber >= 13 ? "warn" : "dim";
  const time = paint("dim", clockTime(record.timeUnixNano || record.observedTimeUnixNano));
  return `${time} ${paint(kind, plain(severity))} ${plain(text)}${paint("dim", plain(attributes))}\n`;
}

const severities = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] as const;

function severityName(number: number): string {
  return severities[Math.floor((number - 1) / 4)] ?? "";
}

/** The time of day in UTC, to milliseconds. */
function clockTime(ns: bigint): string {
  return formatTime(ns).slice(11, 23);
}

function formatMs(ms: number): string {
  if (ms < 1) return `${(ms * 1000).toFixed(0)} µs`;
  if (ms < 1_000) return `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
  return `${(ms / 1000).toFixed(2)} s`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** Text that cannot steer a terminal: names and messages come from anywhere. */
function plain(text: string): string {
  return text.replace(CONTROL, "�");
}

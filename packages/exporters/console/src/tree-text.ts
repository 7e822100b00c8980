import { attributeNames } from "@spanloom/protocol";
import { type LogRecord, type Span, Status_StatusCode } from "@spanloom/protocol/otlp";
import { toJsonObject, toJsonValue } from "./any-value.ts";
import { formatTime } from "./json-line.ts";
import type { SpanNode } from "./pending-spans.ts";

/** Colours text of a kind; gives it unchanged when colours are off. */
export type Paint = (kind: "error" | "warn" | "dim", text: string) => string;

const codes = { error: "31", warn: "33", dim: "2" } as const;

/** A paint that writes ANSI sequences, or with `color` false one that changes nothing. */
export function paintFor(color: boolean): Paint {
  return (kind, text) => (color && text !== "" ? `\u001b[${codes[kind]}m${text}\u001b[0m` : text);
}

/** A tree of spans as lines: when it ended, then each span with its duration and, when it failed, why. */
export function treeText(root: SpanNode, paint: Paint): string {
  const lines: string[] = [];
  const add = ({ span, children }: SpanNode, lead: string, below: string): void => {
    lines.push(`${paint("dim", lead)}${spanText(span, paint)}\n`);
    for (const [index, child] of children.entries()) {
      const last = index === children.length - 1;
      add(child, `${below}${last ? "└ " : "├ "}`, `${below}${last ? "  " : "│ "}`);
    }
  };
  add(root, `${clockTime(root.span.endTimeUnixNano)} `, " ".repeat(13));
  return lines.join("");
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
  const body = toJsonValue(record.body);
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const attributes = Object.entries(toJsonObject(record.attributes))
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

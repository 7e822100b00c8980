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

/** How text is printed. */
export interface Style {
  readonly paint: Paint;
  /** Characters that fit on a line; Infinity for what is not a terminal. */
  readonly columns: number;
}

/** Levels that are indented; a deeper one would be off the screen, and 10,000 of them 100 MB of indentation. */
const MAX_INDENTED = 64;

/** What a span has beside its indentation, at least, in characters. */
const MIN_TEXT = 40;

/** Lines that one failure's message may take. */
const MAX_MESSAGE_LINES = 5;

/**
 * A tree of spans as lines: when it ended, then each span with its duration and, when it failed, why.
 *
 * Spans below the deepest level that is indented stand at that level, marked `…`. On a terminal a name is cut to its width,
 * and a message goes on below. No call is nested, so a tree may be of any depth.
 */
export function treeText(root: SpanNode, style: Style): string {
  const lines: string[] = [];
  const lead = `${clockTime(root.span.endTimeUnixNano)} `;
  const levels = Math.min(MAX_INDENTED, Math.max(2, Math.floor((style.columns - lead.length - MIN_TEXT) / 2)));
  const waiting: Line[] = [{ node: root, level: 0, lead, below: " ".repeat(lead.length) }];
  for (let line = waiting.pop(); line; line = waiting.pop()) {
    lines.push(spanLines(line, style));
    for (let i = line.node.children.length - 1; i >= 0; i--) waiting.push(childLine(line, i, levels));
  }
  return lines.join("");
}

function childLine({ node: { children }, level, below }: Line, index: number, levels: number): Line {
  const node = children[index]!;
  if (level >= levels) return { node, level, lead: `${below}… `, below };
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

/** A span's line, and those of its message where it does not fit. */
function spanLines({ node: { span, children }, lead, below }: Line, { paint, columns }: Style): string {
  const failed = span.status?.code === Status_StatusCode.ERROR;
  const duration = formatMs(Number(span.endTimeUnixNano - span.startTimeUnixNano) / 1e6);
  const mark = failed ? " ✗" : "";
  const name = `${cut(nameOf(span), columns - lead.length - mark.length - duration.length - 1)}${mark}`;
  const line = `${paint("dim", lead)}${failed ? paint("error", name) : name} ${paint("dim", duration)}`;
  const why = (failed && plain(span.status?.message ?? "")) || outcomeOf(span);
  const kind = failed ? "error" : "warn";
  if (why === "" || lead.length + name.length + duration.length + why.length + 3 <= columns)
    return `${line}${why === "" ? "" : paint(kind, `  ${why}`)}\n`;
  const indent = `${below}${children.length > 0 ? "│ " : "  "}`;
  const wrapped = wrap(why, Math.max(MIN_TEXT / 2, columns - indent.length));
  return [line, ...wrapped.map((text) => `${paint("dim", indent)}${paint(kind, text)}`)].join("\n").concat("\n");
}

function nameOf(span: Span): string {
  const attempt = Number(attributeOf(span, attributeNames.taskAttempt) ?? 0);
  const isAttempt = attributeOf(span, attributeNames.spanType) === "attempt";
  return `${plain(span.name)}${isAttempt && attempt > 1 ? ` #${attempt}` : ""}`;
}

/** How it ended, where that is neither success nor the failure that the status tells of. */
function outcomeOf(span: Span): string {
  const outcome = attributeOf(span, attributeNames.outcome);
  return typeof outcome === "string" && outcome !== "success" && outcome !== "failure" ? plain(outcome) : "";
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(1, length - 1))}…`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width && lines.length < MAX_MESSAGE_LINES - 1) {
    const space = rest.lastIndexOf(" ", width);
    const at = space > 0 ? space : width;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at).trimStart();
  }
  return [...lines, cut(rest, width)];
}

function attributeOf(span: Span, name: string): unknown {
  return span.attributes.find(({ key }) => key === name)?.value?.value.value;
}

/** A log record as a line: when, how severe, of which task, what, and its attributes but Spanloom's own. */
export function logText(record: LogRecord, { paint }: Style): string {
  const body = valueToJson(record.body);
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const attributes = Object.entries(attributesToJson(record.attributes))
    .filter(([key]) => !key.startsWith("spanloom."))
    .map(([key, value]) => ` ${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("");
  const severity = (record.severityText || severityName(record.severityNumber)).padEnd(5);
  const kind = record.severityNumber >= 17 ? "error" : record.severityNumber >= 13 ? "warn" : "dim";
  const time = paint("dim", clockTime(record.timeUnixNano || record.observedTimeUnixNano));
  const task = record.attributes.find(({ key }) => key === attributeNames.taskName)?.value?.value.value;
  const owner = typeof task === "string" ? paint("dim", `${plain(task)}: `) : "";
  return `${time} ${paint(kind, plain(severity))} ${owner}${plain(text)}${paint("dim", plain(attributes))}\n`;
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

/** Text on one line that cannot steer a terminal: names and messages come from anywhere. */
function plain(text: string): string {
  return text.replace(/\s*[\r\n]\s*/g, " ").replace(CONTROL, "�");
}

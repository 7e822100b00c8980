import { fileFormats as files } from "@spanloom/query";
import { UsageError } from "../cli-context.ts";
import { completed } from "../flag-values.ts";
import type { FileFormat } from "../write-rows.ts";

/** Flags that say how rows are written. */
export interface FormatFlags {
  format?: string;
  out?: string;
}

/** How rows are written: drawn for people, or as a file of a format. */
export type RowFormat<Drawn extends string> = { drawn: Drawn; file?: never } | { file: FileFormat; drawn?: never };

/** What a format is chosen from. */
export interface FormatChoice<Drawn extends string> {
  /** What is drawn for people. */
  drawn: readonly Drawn[];
  /** What it is when nothing says otherwise. */
  byDefault: Drawn;
  json: boolean;
}

/** What formats of traces are called for short. */
const shortNames: ReadonlyMap<string, FileFormat> = new Map([
  ["perfetto", "perfetto.json"],
  ["otlp", "otlp.json"],
]);

/** The format that is asked for, by name, by `--json` or by the end of the file's name. Errors: UsageError. */
export function rowFormat<Drawn extends string>(
  { format, out }: FormatFlags,
  { drawn, byDefault, json }: FormatChoice<Drawn>,
): RowFormat<Drawn> {
  const byName = out === undefined ? undefined : (formatByName(out) ?? out.slice(out.lastIndexOf(".") + 1));
  const named = shortNames.get(format ?? "") ?? format;
  const wanted = named ?? (json ? "jsonl" : (byName ?? byDefault));
  const file = files.find((name) => name === wanted);
  if (file) return { file };
  const text = drawn.find((name) => name === wanted);
  const known = [...drawn, ...files].join(", ");
  if (!text && format === undefined)
    throw new UsageError(
      `cannot use --out "${out}": its end tells no format: add --format with one of ${files.join(", ")}`,
    );
  if (!text) throw new UsageError(`cannot use --format "${wanted}": it must be one of ${known}`);
  if (out !== undefined) throw new UsageError(`cannot write ${text} with --out: use ${files.join(", ")}`);
  return { drawn: text };
}

/** The format a path ends in, the longest there is: "x.otlp.jsonl" is no plain JSON Lines. */
function formatByName(path: string): FileFormat | undefined {
  const known = files.filter((format) => path.toLowerCase().endsWith(`.${format}`));
  return known.sort((a, b) => b.length - a.length)[0];
}

/** Reads a format as it is; it is checked with what it is for. */
export function formatText(values: readonly string[]) {
  return completed({ values, isList: false }, (text) => text);
}

import { invalidField } from "../invalid.ts";

/** The formats there are, each also the end of a path that means it. */
export const fileFormats = [
  "arrow",
  "parquet",
  "csv",
  "json",
  "jsonl",
  "perfetto.json",
  "otlp.json",
  "otlp.jsonl",
] as const;

/** Formats a query can be written in. */
export type FileFormat = (typeof fileFormats)[number];

/** Formats that hold traces or log records, not rows as they were asked for. */
export type TraceFormat = Extract<FileFormat, `${string}.${string}`>;

/** Whether a format is one of traces or log records. */
export function isTraceFormat(format: FileFormat): format is TraceFormat {
  return format.includes(".");
}

/** How to write a file. */
export interface FileOptions {
  /** Format; default: the extension of the path decides. */
  readonly format?: FileFormat;
  /** Told how many rows have come so far, each time more have. */
  readonly onRows?: (rows: number) => void;
}

/** What was written. */
export interface FileResult {
  readonly path: string;
  readonly bytes: number;
  readonly format: FileFormat;
  readonly rows: number;
}

/**
 * The format of a file: the one given, or the one its path ends in.
 *
 * Errors: INVALID_FIELD.
 */
export function fileFormat(path: string, { format }: FileOptions): FileFormat {
  if (format !== undefined) {
    if (fileFormats.includes(format)) return format;
    throw invalidField("format", format, `is not one of ${fileFormats.join(", ")}`);
  }
  const name = path.toLowerCase();
  // The longest that fits: "x.otlp.jsonl" is no plain JSON Lines.
  const [known] = fileFormats.filter((each) => name.endsWith(`.${each}`)).sort((a, b) => b.length - a.length);
  if (known !== undefined) return known;
  throw invalidField("file", path, `has none of the extensions ${fileFormats.map((each) => `.${each}`).join(", ")}`);
}

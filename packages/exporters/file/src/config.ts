import {
  choiceFrom,
  countFrom,
  type ExporterOptions,
  invalidOption,
  type OptionVariables,
  required,
  textFrom,
} from "@spanloom/exporter";

/** Forms of files. */
export const fileFormats = ["jsonl", "parquet"] as const;

/** Where files are written, and how large they become. */
export interface FileOptions extends ExporterOptions {
  /** Folder of the files; made when it is missing. Several processes may share one. */
  readonly directory?: string | undefined;
  /** `jsonl`: OTLP JSON, a request a line. `parquet`: a row a span or log record. Default `jsonl`. */
  readonly format?: (typeof fileFormats)[number] | undefined;
  /** A file is ended before it becomes larger. Default 64 MiB. Of a Parquet file it is the size before encoding. */
  readonly maxFileBytes?: number | undefined;
  /** A file is ended once it is as old, in milliseconds. Default an hour; for Parquet a minute. */
  readonly maxFileAgeMs?: number | undefined;
  /** Files kept of each signal; older ones are removed. Default 1,000. */
  readonly maxFiles?: number | undefined;
}

/** Options with nothing left open. */
export interface FileSettings {
  readonly directory: string;
  readonly format: (typeof fileFormats)[number];
  readonly maxFileBytes: number;
  readonly maxFileAgeMs: number;
  readonly maxFiles: number;
}

/** The variables of {@link FileOptions}. */
export const fileVariables: OptionVariables<FileOptions> = {
  directory: textFrom("SPANLOOM_FILE_DIRECTORY"),
  format: choiceFrom(fileFormats, "SPANLOOM_FILE_FORMAT"),
  maxFileBytes: countFrom("bytes", "SPANLOOM_FILE_MAX_BYTES"),
  maxFileAgeMs: countFrom("milliseconds", "SPANLOOM_FILE_MAX_AGE_MS"),
  maxFiles: countFrom("files", "SPANLOOM_FILE_MAX_FILES"),
};

/** Fills in defaults. Errors: INVALID_FIELD when the directory is missing or a number is out of its range. */
export function fileSettingsOf(options: FileOptions): FileSettings {
  const { format = "jsonl" } = options;
  return {
    directory: required(options.directory, "directory", "SPANLOOM_FILE_DIRECTORY"),
    format,
    maxFileBytes: atLeast("maxFileBytes", options.maxFileBytes ?? 64 * 1024 * 1024, 1),
    maxFileAgeMs: atLeast("maxFileAgeMs", options.maxFileAgeMs ?? (format === "jsonl" ? 3_600_000 : 60_000), 100),
    maxFiles: atLeast("maxFiles", options.maxFiles ?? 1_000, 1),
  };
}

function atLeast(field: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least && value < 2 ** 31) return value;
  throw invalidOption(field, value, `is not a whole number from ${least} to ${2 ** 31 - 1}`);
}

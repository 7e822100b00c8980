import { parseArgs } from "node:util";
import { dispatchMeasures } from "./dispatch/dispatch.ts";
import { spansMeasures } from "./spans/spans.ts";
import { triggersMeasures } from "./triggers/triggers.ts";
import { waterfallMeasures } from "./waterfall/waterfall.ts";

/** What the command line asks for. */
export interface BenchOptions {
  bench: "dispatch" | "spans" | "triggers" | "waterfall";
  /** Print JSON only on the standard output. */
  json: boolean;
  /** Multiplies all sizes. */
  scale: number;
  /** Measure only these. */
  only?: readonly string[];
  /** Runs of each measure; the median counts. */
  repeat: number;
  /** Folder for one CPU profile per process. */
  cpuProfDir?: string;
  /** Folder for the server's data; removed afterwards. */
  dataDir?: string;
  /** PostgreSQL to measure triggers with, in place of SQLite. */
  databaseUrl?: string;
  /** Says something about a measure, for people. */
  note: (line: string) => void;
}

/** A command line that makes no sense; the message says why. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const usage = `Measures Spanloom. The method is in bench/README.md.

Usage: npm run bench -- dispatch|spans|triggers|waterfall [options]

  dispatch         tasks per second, latency of single jobs, CPU and memory: ${dispatchMeasures.join(", ")}
                   (flat and idle only when asked for)
  spans            spans per second in, milliseconds to an Arrow table, bytes on disk: ${spansMeasures.join(", ")}
                   (stream, tail and forward only when asked for)
  triggers         schedules due at once, events in bulk and one by one: ${triggersMeasures.join(", ")}
  waterfall        the console in a Chromium: first paint and frame times of jobs of ${waterfallMeasures.join(", ")} spans

  --json           print the figures as JSON, nothing else, on the standard output
  --scale X        multiply all sizes, e.g. 0.1 for a quick look (default: 1)
  --only A,B       only these measures
  --repeat N       run each measure N times and take the median (default: 1; reading Arrow: 5)
  --cpu-prof DIR   write a CPU profile of each process to DIR
  --data-dir DIR   keep the server's data in a new folder below DIR, on a real disk (default: .bench)
  --database URL   triggers: an empty PostgreSQL database in place of SQLite
  --help           show this text
`;

const measuresOf: Record<BenchOptions["bench"], readonly string[]> = {
  dispatch: dispatchMeasures,
  spans: spansMeasures,
  triggers: triggersMeasures,
  waterfall: waterfallMeasures,
};

/** Reads the command line; null when help is asked for. Errors: UsageError. */
export function parseOptions(args: readonly string[], note: (line: string) => void): BenchOptions | null {
  const { values, positionals } = parse(args);
  if (values.help) return null;
  const [bench, ...rest] = positionals;
  if (!isBench(bench))
    throw new UsageError(`cannot run "${bench ?? ""}": it must be one of ${Object.keys(measuresOf).join(", ")}`);
  if (rest.length > 0) throw new UsageError(`cannot use "${rest[0]}": one benchmark at a time`);
  const only = values.only?.split(",");
  const known = measuresOf[bench];
  const unknown = only?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`cannot measure "${unknown}": ${bench} has ${known.join(", ")}`);
  return {
    bench,
    json: values.json ?? false,
    scale: positive("--scale", values.scale, 1),
    repeat: Math.ceil(positive("--repeat", values.repeat, 1)),
    ...(only && { only }),
    ...(values["cpu-prof"] !== undefined && { cpuProfDir: values["cpu-prof"] }),
    ...(values["data-dir"] !== undefined && { dataDir: values["data-dir"] }),
    ...(values.database !== undefined && { databaseUrl: values.database }),
    note,
  };
}

function isBench(name: string | undefined): name is BenchOptions["bench"] {
  return name !== undefined && Object.hasOwn(measuresOf, name);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: "boolean" },
        scale: { type: "string" },
        only: { type: "string" },
        repeat: { type: "string" },
        "cpu-prof": { type: "string" },
        "data-dir": { type: "string" },
        database: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(`cannot read the command line: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function positive(flag: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!(value > 0 && value <= 1000))
    throw new UsageError(`cannot use ${flag} "${text}": it must be above 0, at most 1000`);
  return value;
}

import { rounded } from "../measure/statistics.ts";
import { trendOf } from "../measure/trend.ts";

/** What was seen at one moment of a soak. */
export interface SoakSample {
  /** Seconds since the load began. */
  atSec: number;
  tasksPerSec: number;
  jobsOpen: number;
  singleP50Ms: number;
  singleP99Ms: number;
  /** Resident set of each program. */
  rssMb: { server: number; runner: number; client: number };
  /** Live heap right after a collection; only in samples that collected. */
  heapMb?: { server: number; runner: number };
  /** Data folder on disk. */
  dataMb: number;
}

/** Whether a soak held, and why not. */
export interface SoakVerdict {
  held: boolean;
  problems: readonly string[];
  /** Growth after warm-up, as a share of the mean for each hour. */
  growthPerHour: Readonly<Record<string, number>>;
  meanTasksPerSec: number;
  maxJobsOpen: number;
}

/** Share of the time at the start that is not judged: caches fill and the engine takes its memory. */
const WARM_UP = 0.25;
/** Growth of memory over the judged time that passes for flat, as a share of the mean. */
const MAX_GROWTH = 0.1;
/** Most jobs open at once, in seconds of the rate: more means that work is not kept up with. */
const MAX_BACKLOG_SEC = 5;

/** Judges a soak by its samples: memory flat after warm-up, bounded backlog, the rate kept, no errors. */
export function judge(samples: readonly SoakSample[], tasksPerSec: number, errors: readonly string[]): SoakVerdict {
  const lastSec = samples.at(-1)?.atSec ?? 0;
  const judged = samples.filter(({ atSec }) => atSec >= lastSec * WARM_UP);
  const problems = errors.map((error) => `error: ${error}`);
  const growthPerHour: Record<string, number> = {};
  const hours = (lastSec * (1 - WARM_UP)) / 3600;
  for (const [name, read] of Object.entries(series)) {
    const points = judged.flatMap((sample) => {
      const y = read(sample);
      return y === undefined ? [] : [{ x: sample.atSec / 3600, y }];
    });
    const { slope, mean } = trendOf(points);
    const growth = slope / mean;
    growthPerHour[name] = rounded(growth, 3);
    if (growth * hours > MAX_GROWTH) {
      problems.push(`${name} grew by ${(growth * hours * 100).toFixed(0)} % of its mean of ${mean.toFixed(0)} MB`);
    }
  }
  const meanTasksPerSec = trendOf(judged.map(({ atSec, tasksPerSec: y }) => ({ x: atSec, y }))).mean;
  if (meanTasksPerSec < tasksPerSec * 0.95) {
    problems.push(`only ${meanTasksPerSec.toFixed(0)} of ${tasksPerSec.toFixed(0)} tasks/s were done`);
  }
  const maxJobsOpen = Math.max(0, ...judged.map(({ jobsOpen }) => jobsOpen));
  if (maxJobsOpen > tasksPerSec * MAX_BACKLOG_SEC) problems.push(`${maxJobsOpen} jobs were open at once`);
  return {
    held: problems.length === 0,
    problems,
    growthPerHour,
    meanTasksPerSec: rounded(meanTasksPerSec),
    maxJobsOpen,
  };
}

const series: Readonly<Record<string, (sample: SoakSample) => number | undefined>> = {
  "server rss": ({ rssMb }) => rssMb.server,
  "runner rss": ({ rssMb }) => rssMb.runner,
  "server heap": ({ heapMb }) => heapMb?.server,
  "runner heap": ({ heapMb }) => heapMb?.runner,
};

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** What a process has used since it started. */
export interface ProcessUsage {
  /** User and system time of all its threads. */
  cpuSeconds: number;
  /** Largest resident set. */
  peakRssMb: number;
}

let ticksPerSecond: Promise<number> | undefined;

/** Reads what a running process has used from /proc. Linux only. */
export async function processUsage(pid: number): Promise<ProcessUsage> {
  ticksPerSecond ??= promisify(execFile)("getconf", ["CLK_TCK"]).then(({ stdout }) => Number(stdout));
  const [stat, status, ticks] = await Promise.all([
    readFile(`/proc/${pid}/stat`, "utf8"),
    readFile(`/proc/${pid}/status`, "utf8"),
    ticksPerSecond,
  ]);
  return { cpuSeconds: cpuTicks(stat) / ticks, peakRssMb: peakRssKb(status) / 1024 };
}

/** User and system time in clock ticks, from the text of /proc/<pid>/stat. */
export function cpuTicks(stat: string): number {
  // The second field is the program's name in brackets, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Peak resident set in KiB, from the text of /proc/<pid>/status. */
export function peakRssKb(status: string): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN);
}

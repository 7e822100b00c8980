import { parentPort, workerData } from "node:worker_threads";
import { matchBatch } from "../engine/trigger/match-batch.ts";
import type { MatchReply, MatchRequest, MatchSettings } from "./match-messages.ts";

cacheZones();

/** The thread that evaluates expressions of triggers: one that runs for ever is ended with it. */

const MAX_ZONES = 500;

/** What `toLocaleString` shows of a date. */
const SHOWN = {
  year: "numeric",
  month: "numeric",
  day: "numeric",
  hour: "numeric",
  minute: "numeric",
  second: "numeric",
} as const;

const port = parentPort!;
const { progress } = workerData as MatchSettings;

port.on("message", (batch: MatchRequest) => {
  const reply = answer(batch);
  port.postMessage(reply, "matches" in reply ? [reply.matches.inputs.buffer as ArrayBuffer] : []);
});

function answer(batch: MatchRequest): MatchReply {
  try {
    return { matches: matchBatch(batch, cpuUs, noteProgress) };
  } catch (error) {
    return { defect: error instanceof Error ? `${error.stack}` : String(error) };
  }
}

/**
 * Has dates told in zones by formatters that are kept: expressions ask by `toLocaleString`, which makes one each time, at 40
 * us and 14 KB beyond the heap.
 */
function cacheZones(): void {
  const original = Date.prototype.toLocaleString;
  const formats = new Map<string, Intl.DateTimeFormat>();
  Date.prototype.toLocaleString = function (this: Date, locale?: Intl.LocalesArgument, options?: object): string {
    const { timeZone } = (options ?? {}) as Intl.DateTimeFormatOptions;
    if (locale !== "en-US" || timeZone === undefined) return original.call(this, locale as string, options);
    let format = formats.get(timeZone);
    if (format === undefined) {
      format = new Intl.DateTimeFormat("en-US", { timeZone, ...SHOWN });
      if (formats.size >= MAX_ZONES) formats.clear();
      formats.set(timeZone, format);
    }
    return format.format(this);
  };
}

function cpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function noteProgress(event: number, trigger: number): void {
  progress[1] = event;
  progress[2] = trigger;
  progress[0]! += 1;
}

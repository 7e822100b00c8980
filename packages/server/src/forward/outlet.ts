import {
  type Exporter,
  type ExportResult,
  nextRetryDelayMs,
  type RetryPolicy,
  type TelemetryBatch,
} from "@spanloom/exporter";
import type { Clock } from "../clock.ts";
import { pause, within } from "./waiting.ts";

/** As often as an ExportQueue, but for ever: nothing is lost by waiting. */
const retry: RetryPolicy = {
  initialDelayMs: 500,
  factor: 2,
  maxDelayMs: 30_000,
  maxElapsedMs: Number.POSITIVE_INFINITY,
};

/**
 * How long a call may take. Exporters must settle in bounded time, and those at hand do within their timeout of ten
 * seconds a request; one that has not settled by then never will.
 */
const CALL_MS = 120_000;

/** Delay after so many failures in turn; `random` from 0 up to 1. */
export function nextDelayMs(failures: number, random: number, retryAfterMs?: number): number {
  return nextRetryDelayMs(retry, { failures, retryAfterMs, random });
}

/** What batches are given to, and who is told. */
export interface OutletOptions {
  name: string;
  exporter: Exporter;
  clock: Clock;
  /** Numbers from 0 up to 1. */
  random: () => number;
  log: (line: string) => void;
  /** Aborted when nothing is to be tried again. */
  leaving: AbortSignal;
  /** Whether another try may begin. */
  mayGoOn: () => boolean;
  /** Told before each wait for a backend that takes nothing. Does not reject. */
  onAway: () => Promise<void>;
}

/** Figures of one outlet. Records are spans and log records together. */
export interface OutletStats {
  /** Records that the backend took. */
  forwarded: number;
  /** Records that it refused of parts which it took. */
  rejected: number;
  /** Records of parts that it refused for good. */
  failed: number;
  /** Times a part was sent again. */
  retried: number;
  /** Calls that were given up because the exporter did not settle them; their parts were sent again. */
  expired: number;
  /** Since when the backend takes nothing, in microseconds of this server's clock; undefined while it does. */
  awaySinceUs: number | undefined;
  /** What an exporter said last when it could not send, whatever came since; holds no secret. */
  lastError: string | undefined;
}

/**
 * Gives batches to an exporter until its backend took or refused them, and tells of trouble once per outage.
 *
 * I1. A batch is passed only when the backend took it, or refused it for good, which is counted.
 * I2. At most one call is under way, but for one that did not settle in time: that counts as an outage, and the batch is
 *     given again. When it settles after all, before the next call, what it says holds.
 */
export class Outlet {
  readonly #options: OutletOptions;
  readonly #counts = { forwarded: 0, rejected: 0, failed: 0, retried: 0, expired: 0 };
  readonly #reported = new Set<"failed" | "rejected">();
  #awaySinceUs: number | undefined;
  #lastError: string | undefined;

  constructor(options: OutletOptions) {
    this.#options = options;
  }

  /** Whether its backend takes nothing at present. */
  get isAway(): boolean {
    return this.#awaySinceUs !== undefined;
  }

  /** Figures so far. */
  stats(): OutletStats {
    return { ...this.#counts, awaySinceUs: this.#awaySinceUs, lastError: this.#lastError };
  }

  /** Sends until the backend took it or refused it for good; false when it is to leave before. */
  async send(batch: TelemetryBatch, records: number): Promise<boolean> {
    const { mayGoOn, leaving, onAway } = this.#options;
    for (let failures = 1; mayGoOn(); failures++) {
      const call = this.#call(batch);
      const result = (await within(this.#options.clock, call, CALL_MS)) ?? this.#expire();
      if (this.#settle(result, records)) return true;
      await onAway();
      if (leaving.aborted) return false;
      const late = result === unsettled ? await this.#pauseFor(call, failures) : await this.#pause(result, failures);
      if (late && this.#settle(late, records)) return true;
      this.#counts.retried++;
    }
    return false;
  }

  async #call(batch: TelemetryBatch): Promise<ExportResult> {
    try {
      return await this.#options.exporter.export(batch);
    } catch (error) {
      // The contract lets an exporter reject; the records are counted as failed, so nothing is lost in silence.
      return { outcome: "failed", message: error instanceof Error ? error.message : String(error) };
    }
  }

  #expire(): ExportResult {
    this.#counts.expired++;
    return unsettled;
  }

  /** Counts and tells what became of a batch; false when it is to be sent again. */
  #settle(result: ExportResult, records: number): boolean {
    const { name, log, clock } = this.#options;
    if (result.outcome === "exported") {
      this.#countTaken(records, result.rejected);
      return true;
    }
    this.#lastError = result.message;
    if (result.outcome === "failed") {
      this.#counts.failed += records;
      this.#report("failed", `exporter "${name}" lost ${records} records: ${result.message}`);
      return true;
    }
    if (!this.isAway) log(`exporter "${name}" waits, and will send all from here on: ${result.message}`);
    this.#awaySinceUs ??= clock.nowUs();
    return false;
  }

  #countTaken(records: number, refused: { spans: number; logRecords: number; message: string } | undefined): void {
    const { name, log } = this.#options;
    if (this.isAway) log(`exporter "${name}" goes on`);
    this.#awaySinceUs = undefined;
    this.#reported.delete("failed");
    const rejected = Math.min(records, (refused?.spans ?? 0) + (refused?.logRecords ?? 0));
    this.#counts.rejected += rejected;
    this.#counts.forwarded += records - rejected;
    if (rejected === 0) this.#reported.delete("rejected");
    else {
      this.#lastError = refused?.message;
      this.#report("rejected", `exporter "${name}": ${rejected} refused: ${refused?.message}`);
    }
  }

  async #pause(result: ExportResult, failures: number): Promise<undefined> {
    const retryAfterMs = result.outcome === "retry" ? result.retryAfterMs : undefined;
    const { clock, random, leaving } = this.#options;
    await pause(clock, nextDelayMs(failures, random(), retryAfterMs), leaving);
  }

  /** As {@link #pause}, but for a call that may still settle; gives what it says when it does. */
  async #pauseFor(call: Promise<ExportResult>, failures: number): Promise<ExportResult | undefined> {
    return Promise.race([call, this.#pause(unsettled, failures)]);
  }

  /** Tells of a kind of trouble once, until it is over. */
  #report(kind: "failed" | "rejected", line: string): void {
    if (this.#reported.has(kind)) return;
    this.#reported.add(kind);
    this.#options.log(line);
  }
}

const unsettled: ExportResult = { outcome: "retry", message: `a call has not settled for ${CALL_MS / 1000} s` };

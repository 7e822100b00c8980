import { originOf, type TraceContext } from "@spanloom/protocol";
import type { Store } from "../store/store.ts";

/** Depths kept: a job that submits others does so often. */
const MAX_KNOWN = 10_000;

/**
 * How many jobs and events in a row led to whoever submits a job or publishes an event: as many as to the job whose attempt
 * does.
 *
 * Else a job could start itself for ever, by a job that it submits or an event that it publishes, and a trigger.
 */
export class OriginDepths {
  readonly #store: Pick<Store, "getJobs" | "triggers">;
  /** A job's never changes. */
  readonly #known = new Map<string, number>();

  constructor(store: Pick<Store, "getJobs" | "triggers">) {
    this.#store = store;
  }

  /** Depths by trace context of the caller, in order: 0 for who is no attempt, or one of a job that is not there. */
  async of(contexts: readonly (TraceContext | undefined)[]): Promise<readonly number[]> {
    return this.ofJobs(
      contexts.map((context) => (context?.tracestate ? originOf(context.tracestate)?.jobId : undefined)),
    );
  }

  /** Depths of jobs by id, in order: 0 for none, or one that is not there. */
  async ofJobs(origins: readonly (string | undefined)[]): Promise<readonly number[]> {
    const wanted = [...new Set(origins)].filter((id) => id !== undefined && !this.#known.has(id)) as string[];
    if (wanted.length > 0 && this.#store.triggers) await this.#read(wanted);
    return origins.map((id) => (id === undefined ? 0 : (this.#known.get(id) ?? 0)));
  }

  async #read(ids: readonly string[]): Promise<void> {
    const jobs = await this.#store.getJobs(ids, { includeOutputs: false });
    if (this.#known.size + jobs.length > MAX_KNOWN) this.#known.clear();
    for (const { id, trigger } of jobs) this.#known.set(id, trigger?.depth ?? 0);
  }
}

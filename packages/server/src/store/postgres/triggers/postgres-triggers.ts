import { SpanloomError } from "@spanloom/protocol";
import type { NewJob } from "../../store.ts";
import type * as contract from "../../trigger-store.ts";
import type { ReadPool } from "../read-pool.ts";
import { blame, type Write, withoutBlamed } from "./blame.ts";
import { deleteOne, dueSchedules, getDefinition, listDefinitions, nextScheduleUs, putOne } from "./definitions.ts";
import { fireSchedules, needFirings, settleEvents } from "./fire.ts";
import { eventBacklog, getEvents, listEvents, matchedSeq, unmatched } from "./read-events.ts";
import { listFirings } from "./read-firings.ts";
import { tidy } from "./tidy.ts";

/** What {@link PostgresTriggers} needs. */
export interface PostgresTriggersOptions {
  write: Write;
  pool(): ReadPool;
}

const nothing = (): undefined => undefined;

/**
 * Schedules, triggers, webhooks and events in the shared store.
 *
 * What writes takes part in the group commit like any other operation, so that servers take turns at it; what reads goes
 * beside it.
 */
export class PostgresTriggers implements contract.TriggerStore {
  readonly #write: Write;
  readonly #pool: () => ReadPool;
  readonly #listeners = new Set<(news: contract.TriggerNews) => void>();

  constructor({ write, pool }: PostgresTriggersOptions) {
    this.#write = write;
    this.#pool = pool;
  }

  onNews(listener: (news: contract.TriggerNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells of what this server or another one committed. */
  announce(news: contract.TriggerNews): void {
    for (const _ in news) {
      for (const listener of this.#listeners) listener(news);
      return;
    }
  }

  put(definition: contract.NewDefinition, revision: number): Promise<contract.DefinitionRecord | undefined> {
    return this.#write({
      needs: nothing,
      run: async (control) => {
        const record = await putOne(control, definition, revision);
        return () => record;
      },
    });
  }

  delete(kind: contract.DefinitionKind, name: string): Promise<boolean> {
    return this.#write({
      needs: nothing,
      run: async (control) => {
        const isGone = await deleteOne(control, kind, name);
        return () => isGone;
      },
    });
  }

  async get(kind: contract.DefinitionKind, name: string) {
    return getDefinition(this.#pool(), kind, name);
  }

  async list(...[query, page]: Parameters<contract.TriggerStore["list"]>) {
    return listDefinitions(this.#pool(), query, page);
  }

  async dueSchedules(atUs: number, limit: number) {
    return dueSchedules(this.#pool(), atUs, limit);
  }

  async nextScheduleUs() {
    return nextScheduleUs(this.#pool());
  }

  fire(
    schedules: readonly contract.ScheduleFirings[],
  ): Promise<readonly (readonly contract.FiringRecord[] | undefined)[]> {
    return this.#withoutDefects(jobsOf(schedules.flatMap(({ firings }) => firings)), (blamed) => {
      const fired = schedules.map((each) => ({
        ...each,
        firings: each.firings.map((firing) => withoutBlamed(firing, blamed)),
      }));
      return this.#write({
        needs: (needs) =>
          needFirings(
            needs,
            fired.map(({ scheduleId }) => scheduleId),
            fired.flatMap(({ firings }) => firings),
          ),
        run: async (control) => {
          const answers = await fireSchedules(control, fired);
          return () => answers;
        },
      });
    });
  }

  publish(events: readonly contract.NewEventRecord[]): Promise<readonly boolean[]> {
    return this.#write({
      needs: ({ eventIds }) => {
        for (const { id } of events) eventIds.add(id);
      },
      run: async ({ triggers }) => {
        const existed = await triggers.events.add(events);
        if (existed.includes(false)) triggers.noteEvents();
        return () => existed;
      },
    });
  }

  async unmatched(limit: number, maxBytes: number) {
    return unmatched(this.#pool(), limit, maxBytes);
  }

  settle(settlement: contract.EventSettlement): Promise<readonly contract.FiringRecord[] | undefined> {
    return this.#withoutDefects(jobsOf(settlement.firings.map(({ firing }) => firing)), (blamed) => {
      const firings = settlement.firings.map(({ triggerId, firing }) => ({
        triggerId,
        firing: withoutBlamed(firing, blamed),
      }));
      return this.#write({
        needs: (needs) =>
          needFirings(
            needs,
            firings.map(({ triggerId }) => triggerId),
            firings.map(({ firing }) => firing),
          ),
        run: async (control) => {
          const settled = await settleEvents(control, { ...settlement, firings });
          return () => settled;
        },
      });
    });
  }

  async eventBacklog() {
    return eventBacklog(this.#pool());
  }

  async matchedSeq() {
    return matchedSeq(this.#pool());
  }

  async getEvents(ids: readonly string[]) {
    return getEvents(this.#pool(), ids);
  }

  async listEvents(...[query, page]: Parameters<contract.TriggerStore["listEvents"]>) {
    return listEvents(this.#pool(), query, page);
  }

  async listFirings(...[query, page]: Parameters<contract.TriggerStore["listFirings"]>) {
    return listFirings(this.#pool(), query, page);
  }

  async tidy(eventsBeforeUs: number, limit: number) {
    return tidy(this.#pool(), eventsBeforeUs, limit);
  }

  /** Writes jobs; should a defect fail it, those to blame are found, and written as failed firings. */
  async #withoutDefects<T>(
    jobs: readonly NewJob[],
    write: (blamed: ReadonlyMap<string, string>) => Promise<T>,
  ): Promise<T> {
    try {
      return await write(new Map());
    } catch (error) {
      if (!(error instanceof SpanloomError) || error.retryable) throw error;
      const blamed = await blame(this.#write, jobs);
      if (blamed.size === 0) throw error;
      return write(blamed);
    }
  }
}

function jobsOf(firings: readonly contract.NewFiring[]): NewJob[] {
  return firings.flatMap(({ what }) => ("job" in what ? [what.job] : []));
}

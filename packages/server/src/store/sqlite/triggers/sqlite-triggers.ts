import { SpanloomError } from "@spanloom/protocol";
import type { Changes } from "../../changes.ts";
import type * as contract from "../../store.ts";
import type { Control } from "../control.ts";
import type { Brings } from "../group-commit.ts";
import {
  deleteDefinition,
  dueSchedules,
  getDefinition,
  listDefinitions,
  nextScheduleUs,
  putDefinition,
} from "./definitions.ts";
import { eventBacklog, forgetEvents, getEvents, publish, unmatched } from "./events.ts";
import { type FiringSource, fire, fireOne, knownFirings, scheduleAt } from "./fire.ts";
import { forgetFirings, listFirings } from "./firings.ts";
import { listEvents } from "./list-events.ts";
import { settle, triggerOf } from "./settle.ts";

/** How the embedded store reads and writes. */
export interface StoreAccess {
  read<T>(run: (control: Control) => T): T;
  write<T>(run: (control: Control) => T, brings?: Brings): Promise<T>;
}

/**
 * The part of the embedded store that keeps triggers.
 *
 * I1. A call that meets a defect is made again, firing by firing: the one that has it is recorded as failed with it. What
 *     a firing is follows from its id, so that those made before the others are not made twice.
 */
export class SqliteTriggers implements contract.TriggerStore {
  readonly #store: StoreAccess;
  readonly #listeners = new Set<(news: contract.TriggerNews) => void>();

  constructor(store: StoreAccess) {
    this.#store = store;
  }

  onNews(listener: (news: contract.TriggerNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells what a commit changed. */
  announce({ definitions, scheduleDueUs, events }: Changes): void {
    if (definitions.size === 0 && !events) return;
    const news: contract.TriggerNews = {
      ...(definitions.size > 0 && { definitions: [...definitions] }),
      ...(scheduleDueUs !== Number.POSITIVE_INFINITY && { scheduleDueUs }),
      ...(events && { events }),
    };
    for (const listener of this.#listeners) listener(news);
  }

  put(definition: contract.NewDefinition, revision: number) {
    return this.#store.write((control) => putDefinition(control, definition, revision));
  }

  delete(kind: contract.DefinitionKind, name: string) {
    return this.#store.write((control) => deleteDefinition(control, kind, name));
  }

  async get(kind: contract.DefinitionKind, name: string) {
    return this.#store.read((control) => getDefinition(control, kind, name));
  }

  async list(...args: Parameters<contract.TriggerStore["list"]>) {
    return this.#store.read((control) => listDefinitions(control, ...args));
  }

  async dueSchedules(atUs: number, limit: number) {
    return this.#store.read((control) => dueSchedules(control, atUs, limit));
  }

  async nextScheduleUs() {
    return this.#store.read(nextScheduleUs);
  }

  async fire(schedules: readonly contract.ScheduleFirings[]) {
    const fireAll = () => this.#store.write((control) => fire(control, schedules), "work");
    return this.#unlessDefect(fireAll, async () => {
      for (const schedule of schedules) {
        for (const firing of schedule.firings) {
          await this.#fireAlone((control) => scheduleAt(control, schedule), firing);
        }
      }
    });
  }

  async settle(settlement: contract.EventSettlement) {
    const settleAll = () => this.#store.write((control) => settle(control, settlement), "work");
    return this.#unlessDefect(settleAll, async () => {
      for (const { triggerId, firing } of settlement.firings) {
        const source = (control: Control) =>
          control.triggers.cursor === settlement.fromSeq ? triggerOf(control, triggerId) : undefined;
        await this.#fireAlone(source, firing);
      }
    });
  }

  publish(events: readonly contract.NewEventRecord[]) {
    return this.#store.write((control) => publish(control, events));
  }

  async unmatched(limit: number, maxBytes: number) {
    return this.#store.read((control) => unmatched(control, limit, maxBytes));
  }

  async eventBacklog() {
    return this.#store.read(eventBacklog);
  }

  async matchedSeq() {
    return this.#store.read(({ triggers }) => triggers.cursor);
  }

  async getEvents(ids: readonly string[]) {
    return this.#store.read((control) => getEvents(control, ids));
  }

  async listEvents(...args: Parameters<contract.TriggerStore["listEvents"]>) {
    return this.#store.read((control) => listEvents(control, ...args));
  }

  async listFirings(...args: Parameters<contract.TriggerStore["listFirings"]>) {
    return this.#store.read((control) => listFirings(control, ...args));
  }

  tidy(eventsBeforeUs: number, limit: number) {
    return this.#store.write((control) => forgetEvents(control, eventsBeforeUs, limit) + forgetFirings(control, limit));
  }

  /** Runs a call; when it meets a defect, makes its firings one by one and runs it again (I1). */
  async #unlessDefect<T>(run: () => Promise<T>, oneByOne: () => Promise<void>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (!isDefect(error)) throw error;
      await oneByOne();
      return run();
    }
  }

  async #fireAlone(
    sourceOf: (control: Control) => FiringSource | undefined,
    firing: contract.NewFiring,
  ): Promise<void> {
    const make = (firing: contract.NewFiring) =>
      this.#store.write((control) => {
        const source = sourceOf(control);
        if (source !== undefined) fireOne(control, source, { firing, known: knownFirings(control, [firing]) });
      }, "work");
    try {
      await make(firing);
    } catch (error) {
      if (!isDefect(error)) throw error;
      await make({ ...firing, what: { error: error.message } });
    }
  }
}

function isDefect(error: unknown): error is SpanloomError {
  return error instanceof SpanloomError && error.reason === "INTERNAL";
}

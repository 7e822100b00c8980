import type { DefinitionRecord, NewEventRecord, TriggerNews, TriggerStore } from "../../store/trigger-store.ts";

/** What of a store of triggers webhooks need, in memory; for tests. */
export interface MemoryTriggers
  extends Pick<
    TriggerStore,
    | "put"
    | "get"
    | "list"
    | "delete"
    | "publish"
    | "eventBacklog"
    | "onNews"
    | "dueSchedules"
    | "nextScheduleUs"
    | "unmatched"
    | "tidy"
  > {
  /** Events in the order in which they came. */
  readonly events: NewEventRecord[];
  /** How many events wait, as a test would have it. */
  waiting: number;
  /** Thrown by the next calls, if set. */
  failure: Error | undefined;
  /** How often each call was made. */
  readonly calls: Record<"list" | "publish" | "eventBacklog", number>;
}

/** Makes an empty one. */
export function memoryTriggers(nowUs = () => 1_700_000_000_000_000): MemoryTriggers & TriggerStore {
  const definitions = new Map<string, DefinitionRecord>();
  const listeners = new Set<(news: TriggerNews) => void>();
  const changed = () => {
    for (const listener of listeners) listener({ definitions: ["webhook"] });
  };
  const fail = () => {
    if (store.failure) throw store.failure;
  };
  const store: MemoryTriggers = {
    events: [],
    waiting: 0,
    failure: undefined,
    calls: { list: 0, publish: 0, eventBacklog: 0 },
    onNews(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async put(definition, revision) {
      fail();
      const before = definitions.get(definition.name);
      if ((before?.revision ?? 0) !== revision) return undefined;
      const record = {
        ...definition,
        id: before?.id ?? definition.id,
        revision: revision + 1,
        createdAtUs: before?.createdAtUs ?? nowUs(),
        updatedAtUs: nowUs(),
      };
      definitions.set(definition.name, record);
      changed();
      return record;
    },
    async get(_kind, name) {
      fail();
      return definitions.get(name);
    },
    async list(_query, { limit, after = "" }) {
      store.calls.list++;
      fail();
      const names = [...definitions.keys()].filter((name) => name > after).sort();
      return names.slice(0, limit).map((name) => definitions.get(name)!);
    },
    async delete(_kind, name) {
      const deleted = definitions.delete(name);
      changed();
      return deleted;
    },
    async publish(events) {
      store.calls.publish++;
      fail();
      return events.map((event) => {
        const existed = store.events.some(({ id }) => id === event.id);
        if (!existed) store.events.push(event);
        return existed;
      });
    },
    dueSchedules: async () => [],
    nextScheduleUs: async () => undefined,
    unmatched: async () => ({ fromSeq: 0, events: [] }),
    tidy: async () => 0,
    async eventBacklog() {
      store.calls.eventBacklog++;
      return { count: store.waiting, oldestUs: undefined };
    },
  };
  return store as MemoryTriggers & TriggerStore;
}

import { create, toBinary } from "@bufbuild/protobuf";
import { defaultLimits, PutTriggerRequestSchema } from "@spanloom/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EventMatch } from "../matching/event-matcher.ts";
import type { MatchEvent, MatchTrigger } from "../matching/rule-batch.ts";
import { ManualClock } from "../rpc/testing/manual-clock.ts";
import { type StoreStub, storeStub } from "../rpc/testing/stubs.ts";
import type {
  DefinitionRecord,
  EventRecord,
  EventSettlement,
  FiringRecord,
  NewDefinition,
  NewFiring,
  TriggerNews,
  TriggerStore,
} from "../store/trigger-store.ts";
import { EventLoop } from "./event-loop.ts";
import { TriggerStats } from "./trigger-stats.ts";

/** What a loop sees of a store: events up to a cursor, and what was settled. */
class Events {
  readonly records: EventRecord[] = [];
  readonly definitions: DefinitionRecord[] = [];
  readonly settlements: { toSeq: number; firings: { triggerId: string; firing: NewFiring }[] }[] = [];
  cursor = 0;
  /** Fails the next call of each name. */
  readonly failures = new Map<string, Error>();
  /** Another server settles first, so often. */
  lost = 0;
  tell: (news: TriggerNews) => void = () => {};

  add(id: string, changes: Partial<EventRecord> = {}): void {
    const trace = { traceparent: "", tracestate: "", baggage: "" };
    const place = { seq: this.records.length + 1, receivedAtUs: 1_000 };
    const rest = { metadata: {}, webhook: "", replayOf: "", onlyTrigger: "", depth: 0, source: "published" as const };
    this.records.push({ id, key: "a", payload: Buffer.from("1"), trace, ...place, ...rest, ...changes });
  }

  addTrigger(name: string, keyPattern = "**"): void {
    const tasks = { specs: [{ identifier: { name: "t" } }], groups: [{ inputs: [Buffer.from("2")], specs: [0] }] };
    const request = create(PutTriggerRequestSchema, { name, keyPattern, job: { name: "j", tasks } });
    const body = toBinary(PutTriggerRequestSchema, request);
    const state = { paused: false, pauseReason: "", keepFirings: 100, revision: 1, createdAtUs: 0, updatedAtUs: 0 };
    this.definitions.push({ kind: "trigger", id: name, name, body, ...state });
  }

  get store(): TriggerStore {
    const store: Pick<TriggerStore, "onNews" | "list" | "get" | "put" | "unmatched" | "settle"> = {
      onNews: (listener) => {
        this.tell = listener;
        return () => {
          this.tell = () => {};
        };
      },
      list: async () => {
        this.#mayFail("list");
        return this.definitions.filter(({ paused }) => !paused);
      },
      get: async (_kind, name) => this.definitions.find((definition) => definition.name === name),
      put: async (definition, revision) => this.#put(definition, revision),
      unmatched: async (limit) => {
        this.#mayFail("unmatched");
        return { fromSeq: this.cursor, events: this.records.filter(({ seq }) => seq > this.cursor).slice(0, limit) };
      },
      settle: async (settlement) => {
        this.#mayFail("settle");
        return this.#settle(settlement);
      },
    };
    return store as TriggerStore;
  }

  #put(definition: NewDefinition, revision: number): DefinitionRecord | undefined {
    const at = this.definitions.findIndex(({ name }) => name === definition.name);
    if (this.definitions[at]?.revision !== revision) return undefined;
    const record = { ...this.definitions[at], ...definition, revision: revision + 1 };
    this.definitions[at] = record;
    this.tell({ definitions: ["trigger"] });
    return record;
  }

  #mayFail(call: string): void {
    const failure = this.failures.get(call);
    this.failures.delete(call);
    if (failure) throw failure;
  }

  #settle({ fromSeq, toSeq, firings }: EventSettlement): FiringRecord[] | undefined {
    if (fromSeq !== this.cursor) return undefined;
    this.cursor = toSeq;
    if (this.lost > 0) {
      this.lost--;
      return undefined;
    }
    this.settlements.push({ toSeq, firings: [...firings] });
    return firings.map(({ triggerId, firing: { id, scheduledAtUs, eventId = "", what } }, seq) => ({
      ...{ seq, id, scheduledAtUs, eventId, sourceId: triggerId, firedAtUs: 0, jobId: "", requested: false, count: 1 },
      ...("error" in what
        ? { outcome: "failed" as const, error: what.error }
        : { outcome: "submitted" as const, error: "" }),
    }));
  }

  /** What was settled as `event>trigger`, with the error if any. */
  get fired(): string[] {
    return this.settlements.flatMap(({ firings }) =>
      firings.map(({ triggerId, firing: { eventId, what } }) => {
        return `${eventId}>${triggerId}${"error" in what ? `: ${what.error}` : ""}`;
      }),
    );
  }
}

type Match = (triggers: readonly MatchTrigger[], events: readonly MatchEvent[]) => readonly EventMatch[];

/** Every trigger takes every event. */
const all: Match = (triggers, events) =>
  events.flatMap((_event, event) => triggers.map((_trigger, trigger) => ({ event, trigger })));

let clock: ManualClock;
let events: Events;
let store: StoreStub;
let stats: TriggerStats;
let log: string[];
let match: Match;
let loop: EventLoop;

beforeEach(() => {
  clock = new ManualClock();
  events = new Events();
  store = storeStub({ peers: undefined as never });
  stats = new TriggerStats();
  log = [];
  match = all;
  loop = newLoop();
});

afterEach(() => loop.stop());

function newLoop(): EventLoop {
  return new EventLoop({
    triggers: events.store,
    store,
    matcher: { match: async (triggers, given) => match(triggers, given) },
    clock,
    limits: defaultLimits,
    stats,
    random: () => 0.5,
    log: (line) => log.push(line),
  });
}

/** Until every event is settled. */
async function settled(): Promise<void> {
  await expect.poll(() => events.cursor).toBe(events.records.length);
}

describe("the loop of events", () => {
  it("matches at its start what was published before, then what it hears of", async () => {
    events.addTrigger("t");
    events.add("e-1");
    loop.start();
    await settled();
    events.add("e-2");
    events.tell({ events: true });
    await settled();
    expect(events.fired).toEqual(["e-1>t", "e-2>t"]);
    expect(stats).toMatchObject({ matchedEvents: 2, eventFirings: { submitted: 2 } });
  });

  it("does nothing without events", async () => {
    loop.start();
    await loop.stop();
    expect(events.settlements).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it("reads triggers after events: one that was made before an event was published takes it", async () => {
    events.addTrigger("old");
    events.add("e-1");
    loop.start();
    await settled();
    events.addTrigger("new");
    events.tell({ definitions: ["trigger"] });
    events.add("e-2");
    events.tell({ events: true });
    await settled();
    expect(events.fired).toEqual(["e-1>old", "e-2>old", "e-2>new"]);
  });

  it("reads triggers every time where other servers change them, whose news may come late", async () => {
    store = storeStub({ peers: {} as never });
    loop = newLoop();
    loop.start();
    events.addTrigger("unheard of");
    events.add("e-1");
    events.tell({ events: true });
    await settled();
    expect(events.fired).toEqual(["e-1>unheard of"]);
  });

  it("settles whole events, in parts of at most 250 jobs", async () => {
    for (let n = 0; n < 110; n++) events.addTrigger(`t-${n}`);
    for (let n = 0; n < 5; n++) events.add(`e-${n}`);
    loop.start();
    await settled();
    expect(events.settlements.map(({ toSeq, firings }) => [toSeq, firings.length])).toEqual([
      [2, 220],
      [4, 220],
      [5, 110],
    ]);
  });

  it("settles an event that fires more than that by itself", async () => {
    for (let n = 0; n < 300; n++) events.addTrigger(`t-${n}`);
    for (let n = 0; n < 3; n++) events.add(`e-${n}`);
    loop.start();
    await settled();
    expect(events.settlements.map(({ toSeq, firings }) => [toSeq, firings.length])).toEqual([
      [1, 300],
      [2, 300],
      [3, 300],
    ]);
  });

  it("records that no filter could tell ten times a batch and trigger, and counts all", async () => {
    events.addTrigger("t");
    for (let n = 0; n < 30; n++) events.add(`e-${n}`);
    match = (triggers, given) => all(triggers, given).map((each) => ({ ...each, error: "no such key" }));
    loop.start();
    await settled();
    expect(events.fired).toHaveLength(10);
    expect(events.fired[0]).toBe("e-0>t: no such key");
    expect(stats.matchErrors).toBe(30);
  });

  it("tells of a trigger that had to be stopped", async () => {
    events.addTrigger("t");
    events.add("e-1");
    match = () => [{ event: 0, trigger: 0, error: "it ran for more than 1 s", runaway: true }];
    loop.start();
    await settled();
    expect(log).toEqual(['trigger "t" was stopped at event "e-1": it ran for more than 1 s']);
    expect(stats.runaways).toBe(1);
  });

  it("pauses a trigger that has to be stopped in three batches in a row, and says why", async () => {
    events.addTrigger("runaway");
    match = (triggers, given) =>
      all(triggers, given).map((each) => ({ ...each, error: "it ran for more than 1 s", runaway: true }));
    loop.start();
    for (const id of ["e-1", "e-2", "e-3"]) {
      expect(events.definitions[0]?.paused).toBe(false);
      events.add(id);
      events.tell({ events: true });
      await settled();
    }
    await expect
      .poll(() => events.definitions[0])
      .toMatchObject({
        paused: true,
        pauseReason:
          'It had to be stopped in 3 batches of events in a row, last at event "e-3": it ran for more than 1 s',
        wantsJobEvents: false,
      });
    events.add("e-4");
    events.tell({ events: true });
    await settled();
    expect(events.fired.filter((each) => each.startsWith("e-4"))).toEqual([]);
  });

  it("pauses no trigger that had to be stopped now and then, nor one that was changed since", async () => {
    events.addTrigger("t");
    loop.start();
    const runaways = [true, true, false, true, true, true];
    for (const [n, isRunaway] of runaways.entries()) {
      match = () => (isRunaway ? [{ event: 0, trigger: 0, error: "it ran", runaway: true }] : []);
      if (n === 4) {
        events.definitions[0] = { ...events.definitions[0]!, revision: 2 };
        events.tell({ definitions: ["trigger"] });
      }
      events.add(`e-${n}`);
      events.tell({ events: true });
      await settled();
    }
    await loop.stop();
    expect(events.definitions[0]?.paused).toBe(false);
  });

  it("leaves a trigger as it is that was changed while its events were matched", async () => {
    events.addTrigger("t");
    loop.start();
    match = () => [{ event: 0, trigger: 0, error: "it ran", runaway: true }];
    for (const id of ["e-0", "e-1", "e-2"]) {
      // Without news of it, which comes later.
      if (id === "e-2") events.definitions[0] = { ...events.definitions[0]!, revision: 2 };
      events.add(id);
      events.tell({ events: true });
      await settled();
    }
    await loop.stop();
    expect(events.definitions[0]).toMatchObject({ paused: false, revision: 2 });
  });

  it("leaves what another server settled first, and looks again a little later", async () => {
    events.addTrigger("t");
    events.add("e-1");
    events.lost = 1;
    loop.start();
    await expect.poll(() => clock.pending).toBe(1);
    events.add("e-2");
    clock.advance(100);
    await settled();
    expect(events.fired).toEqual(["e-2>t"]);
  });

  it.each(["unmatched", "list", "settle"])("tries again after a failed %s, with nothing lost", async (call) => {
    events.addTrigger("t");
    events.add("e-1");
    events.failures.set(call, new Error("the disk is gone"));
    loop.start();
    await expect.poll(() => clock.pending).toBe(1);
    expect(log).toEqual(["matching events failed, trying again in 1000 ms: the disk is gone"]);
    // News meanwhile is no reason not to wait.
    events.tell({ events: true });
    expect(events.fired).toEqual([]);
    clock.advance(1_000);
    await settled();
    expect(events.fired).toEqual(["e-1>t"]);
    expect(stats.failures).toBe(1);
  });

  it("finds the event that the matcher cannot be given, and records it as failed where its key is taken", async () => {
    events.addTrigger("t");
    events.addTrigger("other", "b.*");
    for (let n = 0; n < 20; n++) events.add(n === 13 ? "poison" : `e-${n}`, { key: "a" });
    match = (triggers, given) => {
      const isByKey = triggers.every(({ filter, input }) => filter === "" && input === "");
      const isPoisoned = given.some(({ id }) => id === "poison");
      if (isPoisoned && !(isByKey && given.length === 1 && !("definition" in triggers[0]!)))
        throw new Error("a defect");
      return given.map((_event, event) => ({ event, trigger: 0 }));
    };
    loop.start();
    await settled();
    expect(events.fired).toHaveLength(20);
    expect(events.fired).toContain("poison>t: a defect");
    expect(events.fired.filter((each) => each.includes(":"))).toHaveLength(1);
  });

  it("leaves out a trigger that cannot be read, and says so once", async () => {
    events.addTrigger("good");
    events.addTrigger("bad", "a..b");
    store = storeStub({ peers: {} as never });
    loop = newLoop();
    for (const id of ["e-1", "e-2"]) {
      events.add(id);
      loop.start();
      events.tell({ events: true });
      await settled();
    }
    expect(events.fired).toEqual(["e-1>good", "e-2>good"]);
    expect(log).toEqual([expect.stringMatching(/^trigger "bad" takes no events: .*a segment is empty/)]);
  });

  it("ends after the transaction under way, and is safe to stop twice", async () => {
    for (let n = 0; n < 300; n++) events.addTrigger(`t-${n}`);
    for (let n = 0; n < 3; n++) events.add(`e-${n}`);
    loop.start();
    await expect.poll(() => events.settlements.length).toBeGreaterThan(0);
    await Promise.all([loop.stop(), loop.stop()]);
    const { cursor } = events;
    events.tell({ events: true });
    loop.start();
    expect(events.cursor).toBe(cursor);
    expect(clock.pending).toBe(0);
  });
});

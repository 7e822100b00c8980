import { join } from "node:path";
import { tempDir } from "@spanloom/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EventQuery, FiringQuery, NewEventRecord } from "../../store.ts";
import { newControl } from "../control.ts";
import { Database, type SqlRow, type SqlValue } from "../database.ts";
import { SqliteStore } from "../index.ts";
import { dueSchedules, getDefinition, listDefinitions, nextScheduleUs } from "./definitions.ts";
import { eventBacklog, forgetEvents, unmatched } from "./events.ts";
import { forgetFirings, listFirings } from "./firings.ts";
import { listEvents } from "./list-events.ts";

/** Asks for the plan of every statement besides its rows. */
class PlannedDatabase extends Database {
  readonly plans: string[] = [];

  override rows(sql: string, ...values: SqlValue[]): readonly SqlRow[] {
    this.#plan(sql, values);
    return super.rows(sql, ...values);
  }

  override row(sql: string, ...values: SqlValue[]): SqlRow | undefined {
    this.#plan(sql, values);
    return super.row(sql, ...values);
  }

  override run(sql: string, ...values: SqlValue[]): number {
    this.#plan(sql, values);
    return super.run(sql, ...values);
  }

  #plan(sql: string, values: SqlValue[]): void {
    for (const row of super.rows(`EXPLAIN QUERY PLAN ${sql}`, ...values)) this.plans.push(String(row[3]));
  }
}

const dir = tempDir();
let db: PlannedDatabase;
const event = (id: string, more: Partial<NewEventRecord> = {}): NewEventRecord => ({
  ...{ id, key: "a.b", payload: Buffer.from("1"), metadata: {}, source: "published", webhook: "", replayOf: "" },
  ...{ trace: { traceparent: "", tracestate: "", baggage: "" }, onlyTrigger: "", depth: 0 },
  ...more,
});

/** Publishes by a store that is opened for it. */
async function publishAt(nowUs: number, ...events: readonly NewEventRecord[]): Promise<void> {
  await using store = new SqliteStore({ dataDir: dir.path, nowUs: () => nowUs });
  await store.start();
  await store.triggers.publish(events);
}

beforeAll(async () => {
  await publishAt(1_000, event("1", { source: "webhook", webhook: "w" }));
  await publishAt(2_000, event("2"));
  // The clock was set back.
  await publishAt(500, event("3", { key: "c" }), event("4", { source: "replay" }));
  await publishAt(4_000, event("5", { key: "c" }));
  db = new PlannedDatabase(join(dir.path, "control.db"));
});

afterAll(() => {
  db?.close();
  dir[Symbol.dispose]();
});

function planned<T>(run: (control: ReturnType<typeof newControl>) => T): { plans: string[]; result: T } {
  const options = { cancelGraceMs: 0, maxInlineDependencyBytes: 0, maxLeaseBytes: 0, runnerLostMs: 0 };
  const control = newControl(db, { ...options, nowUs: () => 0, random: () => 0 });
  control.triggers.reload();
  db.plans.length = 0;
  const result = run(control);
  return { plans: [...db.plans], result };
}

/** Steps that read a table from one end to the other, or sort. */
const walksAll = (step: string) => /^SCAN (?!json_each|wanted|k$|\(|CONSTANT)|TEMP B-TREE/.test(step);

const queries: [EventQuery, string[]][] = [
  [{}, ["5", "4", "3", "2", "1"]],
  [{ keyPrefix: "a" }, ["4", "2", "1"]],
  [{ keyPrefix: "a", keyRegex: "a\\.[^.]*" }, ["4", "2", "1"]],
  [{ keyRegex: "c" }, ["5", "3"]],
  [{ receivedAfterUs: 1_001 }, ["5", "4", "3", "2"]],
  [{ receivedBeforeUs: 2_000 }, ["1"]],
  [{ receivedAfterUs: 500, receivedBeforeUs: 2_001, keyPrefix: "a" }, ["4", "2", "1"]],
  [{ receivedAfterUs: 4_001 }, []],
  [{ receivedBeforeUs: 1_000 }, []],
  [{ sources: ["replay", "webhook"] }, ["4", "1"]],
  [{ sources: ["published", "replay"] }, ["5", "4", "3", "2"]],
  [{ webhook: "w" }, ["1"]],
  [{ webhook: "w", keyPrefix: "a", sources: ["webhook"], receivedAfterUs: 1 }, ["1"]],
];

describe.each(queries.map(([query, ids]) => ({ query, ids, name: JSON.stringify(query) })))(
  "events by $name",
  ({ query, ids }) => {
    test("are listed by an index, in its order, newest first", () => {
      const { plans, result } = planned((control) => listEvents(control, query, { limit: 10 }));
      expect(result.map(({ id }) => id)).toEqual(ids);
      expect(plans.filter(walksAll)).toEqual([]);
    });

    test("are listed in pages", () => {
      const listed: string[] = [];
      for (let after: number | undefined; ; ) {
        const page = { limit: 1, ...(after !== undefined && { after }) };
        const [found] = planned((control) => listEvents(control, query, page)).result;
        if (found === undefined) break;
        listed.push(found.id);
        after = found.seq;
      }
      expect(listed).toEqual(ids);
    });
  },
);

test("what is received after the clock was set back is as old as what came last", () => {
  const { result } = planned((control) => listEvents(control, {}, { limit: 10 }));
  expect(result.map(({ receivedAtUs }) => receivedAtUs)).toEqual([4_000, 2_000, 2_000, 2_000, 1_000]);
});

const firings: FiringQuery[] = [{}, { sourceId: "s" }, { eventId: "e" }, { sourceId: "s", eventId: "e" }];

test.each(firings.map((query) => ({ query, name: JSON.stringify(query) })))(
  "firings by $name are listed by an index, in its order",
  ({ query }) => {
    const { plans } = planned((control) => listFirings(control, query, { limit: 10 }));
    expect(plans.filter(walksAll)).toEqual([]);
    if (query.eventId !== undefined) expect(plans.join()).toContain("firing_event");
    else if (query.sourceId !== undefined) expect(plans.join()).toContain("firing_source");
  },
);

test("what is due, waiting or to be forgotten is found by an index", () => {
  const { plans } = planned((control) => {
    dueSchedules(control, 1, 10);
    nextScheduleUs(control);
    getDefinition(control, "schedule", "s");
    listDefinitions(control, { kind: "schedule", namePrefix: "s", paused: true }, { limit: 10 });
    unmatched(control, 10, 10);
    eventBacklog(control);
    forgetEvents(control, 0, 10);
    control.triggers.untidied.add(1);
    forgetFirings(control, 10);
    control.triggers.reloadListeners();
  });
  expect(
    plans.filter((step) => walksAll(step) && step !== "SCAN definition USING COVERING INDEX definition_of_jobs"),
  ).toEqual([]);
  expect(plans.length).toBeGreaterThan(10);
});

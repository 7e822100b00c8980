import { createHash } from "node:crypto";
import type { DefinitionRecord, EventRecord, NewFiring } from "@spanloom/server/store";
import { expect } from "vitest";
import { SeededRandom } from "../chaos/seeded-random.ts";
import type { StoreDriver } from "./driver.ts";
import type { Cases } from "./scenario.ts";
import { idleFiring, jobFiring, newDefinition, newEvent, triggersOf } from "./trigger-sketches.ts";

const STEPS = 300;
const SECOND_US = 1_000_000;
const SEEDS = [1, 2, 3];

/** Servers that fire, match, restart and change what they fire, from a printed seed. */
export const randomTriggers: Cases = Object.fromEntries(
  SEEDS.map((seed) => [
    `whatever happens, every time and every event is dealt with once (seed ${seed})`,
    async (driver) => {
      const world = new TriggerWorld(driver, seed);
      for (let step = 0; step < STEPS; step++) await world.step();
      await world.finish();
    },
  ]),
);

/** The id of a firing, from what is fired. */
function idOf(...parts: readonly (string | number)[]): string {
  const digits = createHash("sha256").update(parts.join(" ")).digest("hex");
  return `01900000-${digits.slice(0, 4)}-7${digits.slice(4, 7)}-8${digits.slice(7, 10)}-${digits.slice(10, 22)}`;
}

class TriggerWorld {
  readonly #driver: StoreDriver;
  readonly #random: SeededRandom;
  /** Schedule and time of what was fired. */
  readonly #fired: string[] = [];
  /** Events in the order they were settled. */
  readonly #settled: string[] = [];
  /** Events in the order they were published, without those of jobs. */
  readonly #published: string[] = [];
  /** Trigger and event of what matched. */
  readonly #matched: string[] = [];
  readonly #submitted = new Set<string>();

  constructor(driver: StoreDriver, seed: number) {
    this.#driver = driver;
    this.#random = new SeededRandom(seed);
  }

  async step(): Promise<void> {
    const dice = this.#random.next();
    if (dice < 0.12) await this.#putSchedule();
    else if (dice < 0.2) await this.#putTrigger();
    else if (dice < 0.23) await this.#delete();
    else if (dice < 0.45) await this.#together(() => this.#fireDue());
    else if (dice < 0.6) await this.#publish();
    else if (dice < 0.78) await this.#together(() => this.#match());
    else if (dice < 0.86) await this.#work();
    else if (dice < 0.9) await triggersOf(this.#driver).tidy(this.#driver.clock.nowUs() - 5 * SECOND_US, 3);
    else if (dice < 0.93) await this.#driver.reopen();
    else this.#driver.clock.advance(1_000 * this.#random.next());
  }

  /** Settles what is left, and holds what was done to what was asked for. */
  async finish(): Promise<void> {
    while ((await triggersOf(this.#driver).eventBacklog()).count > 0) await this.#match();
    for (const [what, done] of Object.entries({ fired: this.#fired, settled: this.#settled, matched: this.#matched })) {
      expect(new Set(done).size, `each is ${what} once`).toBe(done.length);
      expect(done.length, `some were ${what}`).toBeGreaterThan(10);
    }
    const published = new Set(this.#published);
    expect(this.#settled.filter((id) => published.has(id))).toEqual(this.#published);
    const ids = [...this.#submitted];
    const jobs = await this.#driver.store.listJobs({}, { limit: 100_000 });
    expect(jobs.map(({ id }) => id).sort()).toEqual(ids.sort());
    this.#driver.jobIds.push(...ids);
  }

  /** Does the same as other servers would at this moment. */
  async #together(act: () => Promise<void>): Promise<void> {
    await Promise.all(Array.from({ length: 1 + Math.floor(this.#random.next() * 3) }, act));
  }

  async #putSchedule(): Promise<void> {
    const triggers = triggersOf(this.#driver);
    const name = `schedule ${Math.floor(this.#random.next() * 4)}`;
    const there = await triggers.get("schedule", name);
    const paused = this.#random.next() < 0.2;
    const nextAtUs = paused ? undefined : this.#driver.clock.nowUs() + Math.floor(this.#random.next() * SECOND_US);
    const keepFirings = 1 + Math.floor(this.#random.next() * 10);
    await triggers.put(newDefinition(this.#driver, { name, paused, nextAtUs, keepFirings }), there?.revision ?? 0);
  }

  async #putTrigger(): Promise<void> {
    const triggers = triggersOf(this.#driver);
    const name = `trigger ${Math.floor(this.#random.next() * 3)}`;
    const there = await triggers.get("trigger", name);
    const wantsJobEvents = this.#random.next() < 0.5;
    const definition = newDefinition(this.#driver, { kind: "trigger", name, wantsJobEvents, keepFirings: 5 });
    await triggers.put(definition, there?.revision ?? 0);
  }

  async #delete(): Promise<void> {
    const number = Math.floor(this.#random.next() * 3);
    const kind = this.#random.next() < 0.5 ? "schedule" : "trigger";
    await triggersOf(this.#driver).delete(kind, `${kind} ${number}`);
  }

  async #fireDue(): Promise<void> {
    const triggers = triggersOf(this.#driver);
    const due = await triggers.dueSchedules(this.#driver.clock.nowUs(), 3);
    const calls = due.map((schedule) => {
      const fromUs = schedule.nextAtUs!;
      const nextAtUs = fromUs + Math.floor(this.#random.next() * SECOND_US) + 1;
      const { revision } = schedule;
      const firing = this.#firing(schedule, { id: idOf(schedule.id, fromUs), scheduledAtUs: fromUs });
      return { scheduleId: schedule.id, advance: { revision, fromUs, nextAtUs, lastAtUs: fromUs }, firings: [firing] };
    });
    for (const [i, firings] of (await triggers.fire(calls)).entries()) {
      if (firings === undefined) continue;
      this.#note(firings);
      this.#fired.push(`${due[i]!.id} ${due[i]!.revision} ${due[i]!.nextAtUs}`);
    }
  }

  async #publish(): Promise<void> {
    const count = 1 + Math.floor(this.#random.next() * 4);
    const events = Array.from({ length: count }, () => newEvent(this.#driver));
    const repeated = this.#random.next() < 0.5 ? [events[0]!] : [];
    const existed = await triggersOf(this.#driver).publish([...events, ...repeated]);
    expect(existed).toEqual([...events.map(() => false), ...repeated.map(() => true)]);
    this.#published.push(...events.map(({ id }) => id));
  }

  async #match(): Promise<void> {
    const triggers = triggersOf(this.#driver);
    const live = await triggers.list({ kind: "trigger" }, { limit: 10 });
    const { fromSeq, events } = await triggers.unmatched(1 + Math.floor(this.#random.next() * 6), 1_000_000);
    const firings = events.flatMap((event) => live.map((trigger) => this.#match1(trigger, event)));
    const settled = await triggers.settle({ fromSeq, toSeq: events.at(-1)?.seq ?? fromSeq, firings });
    if (settled === undefined) return;
    this.#note(settled);
    this.#settled.push(...events.map(({ id }) => id));
    this.#matched.push(...settled.map(({ sourceId, eventId }) => `${sourceId} ${eventId}`));
  }

  #match1(trigger: DefinitionRecord, event: EventRecord): { triggerId: string; firing: NewFiring } {
    const id = idOf(trigger.id, event.id);
    return { triggerId: trigger.id, firing: this.#firing(trigger, { id, eventId: event.id }) };
  }

  /** Mostly of a job; what it is follows from its id, as two servers would agree on it. */
  #firing(source: DefinitionRecord, more: Partial<NewFiring> & { id: string }): NewFiring {
    const { what: _none, ...rest } = more;
    const dice = Number.parseInt(more.id.slice(-2), 16) / 256;
    if (dice < 0.1) return idleFiring(this.#driver, { error: "no job can be made" }, rest);
    if (dice < 0.2) return idleFiring(this.#driver, { missed: 3 }, rest);
    const concurrency = { key: source.name, limit: 2, policy: "rejectNew" } as const;
    return jobFiring(this.#driver, source, { ...rest, job: dice < 0.5 ? { concurrency } : {} });
  }

  #note(firings: readonly { jobId: string }[]): void {
    for (const { jobId } of firings) if (jobId !== "") this.#submitted.add(jobId);
  }

  async #work(): Promise<void> {
    const leases = await this.#driver.claim({ limit: 4 });
    const isGood = this.#random.next() < 0.7;
    const reports = leases.map((lease) => (isGood ? this.#driver.success(lease) : this.#driver.failure(lease)));
    await this.#driver.report(...reports);
  }
}

import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import {
  durationFromMs,
  EventService,
  FiringOutcome,
  JobService,
  OverlapPolicy,
  TriggerService,
  usFromTimestamp,
} from "@spanloom/protocol";
import { waitFor } from "@spanloom/testing";
import { type ServerProgram, ServerPrograms, transportTo } from "./server-program.ts";
import { type ScheduleEvidence, type TriggerEvidence, type TriggerJobs, verdictOf } from "./trigger-evidence.ts";

/** Real servers that fire schedules and match events, while one of them is killed or held every few seconds. */
export interface TriggerChaosOptions {
  /** Servers' data, one folder each. */
  folder: string;
  /** One database for several servers; absent for one server with SQLite. */
  databaseUrl?: string;
  servers: number;
  seconds: number;
  /** 0..1, of what goes wrong when. */
  random: () => number;
  /** Catch-up window of every other schedule; the others have none. */
  catchUpMs: number;
  /** Tells what was done. */
  note: (line: string) => void;
}

/** What a run did, and what was wrong. */
export interface TriggerChaosOutcome {
  kills: number;
  holds: number;
  fired: number;
  published: number;
  triggered: number;
  wrong: string[];
}

const SCHEDULES = 4;
const EVERY_MS = 1_000;
const CALL_MS = 5_000;
const EVENTS_AT_ONCE = 20;
const PUBLISH_PAUSE_MS = 100;
/** Between one fault and the next. */
const CALM_MS = 3_000;
const HOLD_MS = 6_000;
const DOWN_MS = 2_000;
const PAGE = 1_000;

/** Runs servers for some seconds of faults, lets them finish, and says what is wrong with what they did. */
export async function runTriggerChaos(options: TriggerChaosOptions): Promise<TriggerChaosOutcome> {
  const run = new TriggerChaos(options);
  try {
    return await run.run();
  } finally {
    await run.stop();
  }
}

class TriggerChaos {
  readonly #options: TriggerChaosOptions;
  readonly #programs = new ServerPrograms();
  readonly #servers: { program: ServerProgram; url: string | undefined }[] = [];
  readonly #acknowledged: string[] = [];
  /** Servers that are started again. */
  readonly #starts: Promise<void>[] = [];
  #over = false;
  #kills = 0;
  #holds = 0;

  constructor(options: TriggerChaosOptions) {
    this.#options = options;
  }

  async run(): Promise<TriggerChaosOutcome> {
    const { servers, seconds } = this.#options;
    for (let place = 0; place < servers; place++) await this.#start(place);
    const madeAtUs = await this.#define();
    const publishing = this.#publish();
    const endMs = performance.now() + seconds * 1000;
    while (performance.now() < endMs) await this.#fault();
    this.#over = true;
    await Promise.all(this.#starts);
    await publishing;
    const pausedAtUs = await this.#settle();
    return this.#outcome(await this.#evidence(madeAtUs, pausedAtUs));
  }

  async stop(): Promise<void> {
    this.#over = true;
    await Promise.allSettled(this.#starts);
    await this.#programs.killAll();
  }

  async #start(place: number): Promise<void> {
    const { folder, databaseUrl } = this.#options;
    const env: Record<string, string> = databaseUrl === undefined ? {} : { SPANLOOM_DATABASE_URL: databaseUrl };
    const program = this.#programs.start({ dataDir: join(folder, `server-${place}`), env });
    this.#servers[place] = { program, url: undefined };
    this.#servers[place] = { program, url: await program.url };
  }

  /** Asks whichever server answers, again and again: every call may be sent again. */
  async #ask<Answer>(call: (clients: Clients) => Promise<Answer>): Promise<Answer> {
    for (let tries = 0; ; tries++) {
      const { url } = this.#servers[(tries + this.#acknowledged.length) % this.#servers.length]!;
      try {
        if (url !== undefined) return await call(clientsOf(url));
      } catch (error) {
        if (tries > MAX_TRIES) throw error;
        // It was killed or is held; the next one is asked, or this one later.
      }
      await delay(20);
    }
  }

  /** Schedules of a second each, and two triggers; the time of day once they were made. */
  async #define(): Promise<number> {
    const { catchUpMs } = this.#options;
    const tasks = { specs: [{ identifier: { name: "nobody's" } }], groups: [{ inputs: [json(0)], specs: [0] }] };
    for (let place = 0; place < SCHEDULES; place++)
      await this.#ask(({ triggers }) =>
        triggers.putSchedule({
          name: `every-second-${place}`,
          spec: { times: { case: "interval", value: { every: durationFromMs(EVERY_MS) } } },
          job: { name: "timed", tasks },
          overlap: OverlapPolicy.ALLOW,
          keepFirings: 10_000,
          ...(place % 2 === 0 && catchUpMs > 0 && { catchUp: durationFromMs(catchUpMs) }),
        }),
      );
    for (const [name, filter] of triggersOf)
      await this.#ask(({ triggers }) =>
        triggers.putTrigger({ name, keyPattern: "load.*", filter, job: { name, tasks }, keepFirings: 10_000 }),
      );
    return nowUs();
  }

  /** Publishes events until it is over, each batch until it is acknowledged. */
  async #publish(): Promise<void> {
    for (let from = 0; !this.#over; from += EVENTS_AT_ONCE) {
      const events = Array.from({ length: EVENTS_AT_ONCE }, (_, place) => ({
        id: `event-${from + place}`,
        key: `load.${place}`,
        payload: json({ number: from + place }),
      }));
      await this.#ask(({ events: client }) => client.publishEvents({ events }));
      this.#acknowledged.push(...events.map(({ id }) => id));
      await delay(this.#options.random() * PUBLISH_PAUSE_MS);
    }
  }

  /** Kills a server and starts it again a little later, or holds it for longer than others wait for it. */
  async #fault(): Promise<void> {
    const { random, note } = this.#options;
    await delay(500 + random() * CALM_MS);
    const up = [...this.#servers.keys()].filter((each) => this.#servers[each]!.url !== undefined);
    const place = up[Math.floor(random() * up.length)];
    if (place === undefined) return;
    const { program } = this.#servers[place]!;
    if (this.#kills > 0 && random() < 0.4) {
      const ms = random() * HOLD_MS;
      program.child.kill("SIGSTOP");
      await delay(ms);
      program.child.kill("SIGCONT");
      this.#holds++;
      note(`server ${place} was held for ${ms.toFixed(0)} ms; ${this.#acknowledged.length} events acknowledged`);
      return;
    }
    program.child.kill("SIGKILL");
    await program.end;
    this.#kills++;
    const ms = random() * DOWN_MS;
    note(`server ${place} was killed, to start after ${ms.toFixed(0)} ms; ${this.#acknowledged.length} events`);
    this.#servers[place] = { program, url: undefined };
    // Meanwhile the other one may be killed, too.
    const start = delay(ms).then(() => this.#start(place));
    start.catch(() => {}); // told when all are waited for
    this.#starts.push(start);
  }

  /** Waits until all is done, and pauses the schedules; the time of day before that. */
  async #settle(): Promise<number> {
    const last = this.#acknowledged.at(-1);
    if (last !== undefined)
      await waitFor(async () => (await this.#ask(({ events }) => events.getEvent({ eventId: last }))).event?.matched, {
        what: "the last event to be matched",
      });
    const pausedAtUs = nowUs();
    for (let place = 0; place < SCHEDULES; place++) {
      const schedule = `every-second-${place}`;
      await waitFor(
        async () => {
          const { firings } = await this.#ask(({ triggers }) => triggers.listFirings({ schedule, pageSize: 1 }));
          return firings.some(({ scheduledAt }) => usFromTimestamp(scheduledAt!) >= pausedAtUs);
        },
        { what: `${schedule} to have caught up` },
      );
      await this.#ask(({ triggers }) => triggers.pauseSchedule({ name: schedule, reason: "it is over" }));
    }
    return pausedAtUs;
  }

  async #evidence(madeAtUs: number, pausedAtUs: number): Promise<TriggerEvidence> {
    const schedules: ScheduleEvidence[] = [];
    for (let place = 0; place < SCHEDULES; place++) {
      const name = `every-second-${place}`;
      const firings = await pagesOf(async (pageToken) => {
        const page = await this.#ask(({ triggers }) =>
          triggers.listFirings({ schedule: name, pageSize: PAGE, pageToken }),
        );
        return { items: page.firings, next: page.nextPageToken };
      });
      const jobs = await this.#jobs({ schedule: name });
      schedules.push({
        name,
        everyUs: EVERY_MS * 1000,
        madeAtUs,
        pausedAtUs,
        firings: firings.map(({ scheduledAt, outcome, jobId }) => ({
          scheduledAtUs: usFromTimestamp(scheduledAt!),
          outcome: outcomeName(outcome),
          jobId,
        })),
        jobs: jobs.map(({ id, trigger }) => ({ id, scheduledAtUs: usFromTimestamp(trigger!.scheduledAt!) })),
      });
    }
    const triggers: TriggerJobs[] = [];
    for (const [name, , takes] of triggersOf) {
      const acknowledged = this.#acknowledged.filter((_id, number) => takes(number));
      triggers.push({
        name,
        acknowledged,
        jobs: (await this.#jobs({ trigger: name })).map(({ trigger }) => trigger!.eventId),
      });
    }
    return { schedules, triggers };
  }

  #jobs(filter: { schedule?: string; trigger?: string }) {
    return pagesOf(async (pageToken) => {
      const page = await this.#ask(({ jobs }) => jobs.listJobs({ filter, pageSize: PAGE, pageToken }));
      return { items: page.jobs, next: page.nextPageToken };
    });
  }

  #outcome(evidence: TriggerEvidence): TriggerChaosOutcome {
    return {
      kills: this.#kills,
      holds: this.#holds,
      fired: evidence.schedules.reduce((sum, { jobs }) => sum + jobs.length, 0),
      published: this.#acknowledged.length,
      triggered: evidence.triggers.reduce((sum, { jobs }) => sum + jobs.length, 0),
      wrong: verdictOf(evidence),
    };
  }
}

type Clients = ReturnType<typeof clientsOf>;

/** A name, a filter, and which numbers it lets through. */
const triggersOf: readonly [string, string, (number: number) => boolean][] = [
  ["all", "", () => true],
  ["thirds", "int(event.payload.number) % 3 == 0", (number) => number % 3 === 0],
];

const MAX_TRIES = 3_000;

function clientsOf(url: string) {
  const transport = transportTo(url, CALL_MS);
  return {
    triggers: createClient(TriggerService, transport),
    events: createClient(EventService, transport),
    jobs: createClient(JobService, transport),
  };
}

async function pagesOf<Item>(read: (pageToken: string) => Promise<{ items: Item[]; next: string }>): Promise<Item[]> {
  const items: Item[] = [];
  for (let pageToken = ""; ; ) {
    const page = await read(pageToken);
    items.push(...page.items);
    pageToken = page.next;
    if (pageToken === "") return items;
  }
}

function outcomeName(outcome: FiringOutcome): string {
  return Object.entries(FiringOutcome).find(([, value]) => value === outcome)?.[0] ?? String(outcome);
}

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function nowUs(): number {
  return (performance.timeOrigin + performance.now()) * 1000;
}

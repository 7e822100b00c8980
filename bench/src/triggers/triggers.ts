import { setTimeout as delay } from "node:timers/promises";
import { median, percentile, rounded } from "../measure/statistics.ts";
import type { BenchOptions } from "../options.ts";
import { BenchProcess } from "../processes/bench-process.ts";
import type { BulkFigures, EventPlan, SteadyFigures, TriggerPlan } from "./event-load.ts";
import type { FiringFigures, FiringRange, SchedulePlan } from "./schedule-load.ts";

/** What `bench triggers` measures; measures that were not asked for are absent. */
export interface TriggersFigures {
  /** Schedules due at the same second. */
  sameSecond?: ScheduleFigures;
  /** As many, spread over all seconds. */
  spread?: ScheduleFigures;
  /** From one bulk call until all triggers had seen its events, by how many jobs these started. */
  bulkSettledMs?: { few: number; many: number };
  publish?: PublishFigures;
  /** Shares of a core that a server takes without schedules, and with those that fire within the hour. */
  idleSchedulesCpuPct?: { without: number; with: number };
}

/** Events published by calls of their own. */
interface PublishFigures {
  oneAtATimeMs: Percentiles;
  eventsPerSec: number;
  manyAtATimeMs: Percentiles;
}

interface Percentiles {
  p50: number;
  p99: number;
}

interface ScheduleFigures {
  /** From the time until the last was fired. */
  firedMs: number;
  /** `LeaseTasks` in the seconds from that time, by the same without schedules. */
  leaseP50Ratio: number;
  leaseP99Ratio: number;
}

/** Names for `--only`. */
export const triggersMeasures = ["idle", "schedules", "spread", "bulk", "publish"] as const;

const SCHEDULES = 10_000;
const EVENTS = 50_000;
const TRIGGERS = 100;
const LANES = 4;
/** Apart enough that all that a time fired is over, and its spans stored, well before the next. */
const EVERY_SECONDS = 20;
/** The goal: all are fired within it. */
const WINDOW_MS = 5_000;
const ROUNDS = 5;
const SPREAD_SECONDS = 60;
const SPREAD_WINDOW_MS = 10_000;
const SPREAD_ROUNDS = 2;
const WARM_UP_MS = 2_000;
const SETTLE_MS = 5_000;
const LOOK_MS = 1_000;
const IDLE_MS = 10_000;
const PUBLISH_MS = 5_000;
const PUBLISH_LANES = 100;

interface Bench {
  options: BenchOptions;
  url: string;
  server: BenchProcess;
  /** Leases tasks, and does nothing else. */
  client: BenchProcess;
  /** Makes schedules and events. */
  maker: BenchProcess;
  schedules: number;
}

/** Measures schedules and events, each with a server of its own, as processes of their own. */
export async function benchTriggers(options: BenchOptions, dataDir: string): Promise<TriggersFigures> {
  const wants = (name: string) => !options.only || options.only.includes(name);
  const figures: TriggersFigures = {};
  if (wants("idle") || wants("schedules") || wants("spread"))
    await withServer(options, `${dataDir}/schedules`, async (bench) => {
      if (wants("idle")) figures.idleSchedulesCpuPct = await measureIdle(bench);
      if (!wants("schedules") && !wants("spread")) return;
      await bench.client.call("startLeases", { url: bench.url, lanes: LANES });
      await delay(WARM_UP_MS);
      if (wants("schedules")) figures.sameSecond = await measureSameSecond(bench);
      if (wants("spread")) figures.spread = await measureSpread(bench);
      await bench.client.call("stopLeases", {});
    });
  if (wants("bulk") || wants("publish"))
    await withServer(options, `${dataDir}/events`, async (bench) => {
      if (wants("bulk")) figures.bulkSettledMs = await measureBulk(bench);
      if (wants("publish")) figures.publish = await measurePublish(bench);
    });
  return figures;
}

async function withServer(
  options: BenchOptions,
  dataDir: string,
  measure: (bench: Bench) => Promise<void>,
): Promise<void> {
  const profile = options.cpuProfDir ? { cpuProfDir: options.cpuProfDir } : {};
  await using server = new BenchProcess({ name: "server", ...profile });
  await using client = new BenchProcess({ name: "client" });
  await using maker = new BenchProcess({ name: "client" });
  const url = await server.call<string>("start", { dataDir, databaseUrl: options.databaseUrl });
  const schedules = Math.round(SCHEDULES * options.scale);
  await measure({ options, url, server, client, maker, schedules });
  const usage = await server.usage();
  options.note(`server: CPU ${usage.cpuSeconds.toFixed(1)} s, peak ${usage.peakRssMb.toFixed(0)} MB`);
}

async function measureIdle(bench: Bench): Promise<{ without: number; with: number }> {
  const { server, maker, url, schedules } = bench;
  const cpuPct = async () => {
    await delay(SETTLE_MS);
    const before = (await server.usage()).cpuSeconds;
    await delay(IDLE_MS);
    return rounded((((await server.usage()).cpuSeconds - before) * 100_000) / IDLE_MS, 2);
  };
  const without = await cpuPct();
  await maker.call("putSchedules", { url, count: schedules, times: "hour", everySeconds: 1 } satisfies SchedulePlan);
  return { without, with: await cpuPct() };
}

/** Leases before each time that all schedules are due, and from it on, and compares all calls of either. */
async function measureSameSecond(bench: Bench): Promise<ScheduleFigures> {
  const { options, client, maker, url, schedules } = bench;
  const figures = new FiringRounds("same second", options.note);
  await maker.call("putSchedules", { url, count: schedules, times: "same", everySeconds: EVERY_SECONDS });
  for (let round = 0; round < ROUNDS * options.repeat; round++) {
    const atMs = nextTime(EVERY_SECONDS, WINDOW_MS + 1_000);
    await until(atMs - WINDOW_MS - 500);
    figures.quiet.push(...(await leasesFor(client, WINDOW_MS)));
    await until(atMs);
    figures.firing.push(...(await leasesFor(client, WINDOW_MS)));
    const range = { url, sinceMs: atMs, untilMs: atMs + 1, atMost: schedules * 2 };
    figures.add(await firedAll(bench, range), schedules);
  }
  return figures.result();
}

/** What was fired, once it is all, or after as long as a round takes. */
async function firedAll({ maker, schedules }: Bench, range: FiringRange): Promise<FiringFigures> {
  for (;;) {
    const figures = await maker.call<FiringFigures>("readFirings", range);
    if (figures.fired >= schedules || Date.now() > range.sinceMs + EVERY_SECONDS * 1000) return figures;
    await delay(LOOK_MS);
  }
}

/** Leases while all schedules are an hour ahead, and while each is due at one of the seconds of a minute, in turn. */
async function measureSpread({ options, client, maker, url, schedules }: Bench): Promise<ScheduleFigures> {
  const figures = new FiringRounds("spread", options.note);
  const put = (times: SchedulePlan["times"]) =>
    maker.call("putSchedules", { url, count: schedules, times, everySeconds: SPREAD_SECONDS } satisfies SchedulePlan);
  for (let round = 0; round < SPREAD_ROUNDS * options.repeat; round++) {
    await put("hour");
    await delay(SETTLE_MS);
    figures.quiet.push(...(await leasesFor(client, SPREAD_WINDOW_MS)));
    await put("spread");
    const atMs = nextTime(SPREAD_WINDOW_MS / 1000, SETTLE_MS);
    await until(atMs);
    figures.firing.push(...(await leasesFor(client, SPREAD_WINDOW_MS)));
    const range = { url, sinceMs: atMs, untilMs: atMs + SPREAD_WINDOW_MS - 1_000, atMost: schedules };
    const firstSecond = (atMs / 1000) % SPREAD_SECONDS;
    const seconds = Array.from({ length: SPREAD_WINDOW_MS / 1000 - 1 }, (_, second) => firstSecond + second);
    const due = Array.from({ length: schedules }, (_, place) => place % SPREAD_SECONDS);
    figures.add(
      await maker.call<FiringFigures>("readFirings", range),
      due.filter((second) => seconds.includes(second)).length,
    );
  }
  return figures.result();
}

/** What leases took without schedules and beside them. */
class FiringRounds {
  readonly quiet: number[] = [];
  readonly firing: number[] = [];
  readonly #lastMs: number[] = [];
  readonly #name: string;
  readonly #note: (line: string) => void;

  constructor(name: string, note: (line: string) => void) {
    this.#name = name;
    this.#note = note;
  }

  add({ fired, lastMs }: FiringFigures, due: number): void {
    if (fired !== due) throw new Error(`cannot measure: ${fired} of ${due} schedules were fired`);
    this.#lastMs.push(lastMs);
  }

  result(): ScheduleFigures {
    noteTimes(this.#note, `${this.#name}: leases without`, this.quiet);
    noteTimes(this.#note, `${this.#name}: leases meanwhile`, this.firing);
    this.#note(`${this.#name}: all fired after ${this.#lastMs.map((ms) => ms.toFixed(0)).join(", ")} ms`);
    const ratio = (p: number) => rounded(percentile(this.firing, p) / percentile(this.quiet, p), 3);
    return { firedMs: rounded(median(this.#lastMs)), leaseP50Ratio: ratio(0.5), leaseP99Ratio: ratio(0.99) };
  }
}

/** The next time of a schedule that is at least so far ahead. */
function nextTime(everySeconds: number, aheadMs: number): number {
  const everyMs = everySeconds * 1000;
  return Math.ceil((Date.now() + aheadMs) / everyMs) * everyMs;
}

const until = (atMs: number) => delay(Math.max(0, atMs - Date.now()));

async function leasesFor(client: BenchProcess, ms: number): Promise<number[]> {
  await client.call("takeLeases", {});
  await delay(ms);
  return client.call<number[]>("takeLeases", {});
}

/** Publishes a bulk of which each trigger takes few events, then one of which each takes one in a hundred. */
async function measureBulk(bench: Bench): Promise<{ few: number; many: number }> {
  const { options } = bench;
  const events = Math.round(EVENTS * options.scale);
  const measure = async (group: string, oneOf: number, of: number) => {
    const { maker, url } = bench;
    const plan: TriggerPlan = { url, group, triggers: TRIGGERS, oneOf };
    await maker.call("putTriggers", plan);
    const before = (await bench.server.usage()).cpuSeconds;
    const bulk = await maker.call<BulkFigures>("publishBulk", { url, group, events: of } satisfies EventPlan);
    const cpu = (await bench.server.usage()).cpuSeconds - before;
    options.note(
      `bulk ${group}: ${of} events acknowledged after ${bulk.acknowledgedMs.toFixed(0)} ms, settled after ${bulk.settledMs.toFixed(0)}; ${bulk.jobs} jobs so far; server CPU ${cpu.toFixed(2)} s`,
    );
    await maker.call("deleteTriggers", plan);
    return bulk.settledMs;
  };
  await measure("warm", TRIGGERS * 100, events / 10);
  const few: number[] = [];
  const many: number[] = [];
  for (let round = 0; round < options.repeat; round++) {
    few.push(await measure(`few-${round}`, TRIGGERS * 100, events));
    many.push(await measure(`many-${round}`, TRIGGERS, events));
  }
  return { few: rounded(median(few)), many: rounded(median(many)) };
}

/** Publishes with one trigger that takes one in a hundred. */
async function measurePublish({ options, url, maker }: Bench): Promise<PublishFigures> {
  const group = "steady";
  await maker.call("putTriggers", { url, group, triggers: 1, oneOf: 100 } satisfies TriggerPlan);
  const steadily = (lanes: number) =>
    maker.call<SteadyFigures>("publishSteadily", { url, group, events: 1e9, lanes, ms: PUBLISH_MS * options.scale });
  await steadily(PUBLISH_LANES);
  const alone = await steadily(1);
  const many = await steadily(PUBLISH_LANES);
  noteTimes(options.note, "publish, one at a time", alone.timesMs);
  noteTimes(options.note, `publish, ${PUBLISH_LANES} at a time`, many.timesMs);
  return {
    oneAtATimeMs: percentilesOf(alone.timesMs),
    eventsPerSec: rounded(many.events / many.seconds),
    manyAtATimeMs: percentilesOf(many.timesMs),
  };
}

function percentilesOf(timesMs: readonly number[]): Percentiles {
  return { p50: rounded(percentile(timesMs, 0.5)), p99: rounded(percentile(timesMs, 0.99)) };
}

function noteTimes(note: BenchOptions["note"], what: string, timesMs: readonly number[]): void {
  const [p50, p99, most] = [0.5, 0.99, 1].map((p) => percentile(timesMs, p).toFixed(2));
  note(`${what}: p50 ${p50} ms, p99 ${p99} ms, most ${most} ms of ${timesMs.length}`);
}

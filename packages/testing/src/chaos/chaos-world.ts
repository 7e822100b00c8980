import type { Store } from "@spanloom/server/store";
import { FakeClock } from "../fake-clock.ts";
import type { ChaosProjection, ChaosStorage, ChaosSubject } from "./chaos-subject.ts";
import { checkSpans } from "./check-spans.ts";
import { checkStats } from "./check-stats.ts";
import { compareJob } from "./compare.ts";
import { allPages, type Explanation, explain, ordersOf, roundsOf } from "./explain.ts";
import { ReferenceModel } from "./model.ts";
import { demand } from "./model-state.ts";

/** Something done to a store, and how the model explains what came of it. */
export interface Action<Result = unknown> {
  text: string;
  /** What it may have for others that are done at once; nothing when absent. */
  brings?: "work" | "results";
  run(store: Store): Promise<Result>;
  /** One or more ways to understand the result; undefined stands for an answer that got lost with the server. */
  explain(result: Result | undefined): readonly Explanation[];
  /** What the runners make of it. */
  after?(result: Result): void;
}

/** What a world is made with. */
export interface WorldOptions {
  subject: ChaosSubject;
  graceMs: number;
  random: () => number;
}

/**
 * A store under test, the model beside it, and everything between: clock, signals, projection.
 *
 * I1. After every action the jobs it touched agree in model and store; at every check all of them do.
 * I2. Whatever the model says is due was announced by the store, so that a server's timer would be set in time.
 */
export class ChaosWorld {
  readonly clock: FakeClock;
  readonly events: string[] = [];
  readonly graceMs: number;
  readonly #storage: ChaosStorage;
  #store: Store;
  #projection: ChaosProjection;
  #model: ReferenceModel;
  #changed = new Set<string>();
  #unsubscribe: (() => void)[] = [];
  /** When a server would look at its store next. */
  #plannedUs = 0;
  #wentBack = false;

  private constructor(options: WorldOptions & { clock: FakeClock; storage: ChaosStorage }) {
    this.clock = options.clock;
    this.graceMs = options.graceMs;
    this.#storage = options.storage;
    const { renewsLeases, answersLate, waitersByAge } = options.storage;
    this.#model = new ReferenceModel({ graceMs: options.graceMs, renewsLeases, answersLate, waitersByAge });
    this.#store = this.#storage.connect();
    this.#projection = this.#storage.project(this.#store);
  }

  /** Opens an empty store. */
  static async open(options: WorldOptions): Promise<ChaosWorld> {
    const clock = new FakeClock();
    const { graceMs, random } = options;
    const storage = await options.subject.open({ clock, graceMs, random });
    const world = new ChaosWorld({ ...options, clock, storage });
    await world.#start();
    return world;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store.stop();
    await this.#storage[Symbol.asyncDispose]();
  }

  /** The model as it stands. */
  get model(): ReferenceModel {
    return this.#model;
  }

  /** Moves the clock, back as well. */
  moveClock(ms: number): void {
    this.clock.advance(ms);
    if (ms < 0) {
      this.#wentBack = true;
      this.#model.clockWentBack();
    }
    this.note(`the clock moves by ${ms.toFixed(3)} ms`);
  }

  /** Notes something for the report of a failure. */
  note(text: string): void {
    this.events.push(`${((this.clock.nowUs() - START_US) / 1e6).toFixed(3)} s  ${text}`);
  }

  /** Does something, and holds model and store together. */
  async act<Result>(action: Action<Result>): Promise<Result> {
    this.note(action.text);
    const result = await action.run(this.#store);
    await this.#understand(action.explain(result));
    action.after?.(result);
    return result;
  }

  /** Does several things at once: they may have happened in any order. */
  async actTogether(actions: readonly Action[]): Promise<void> {
    for (const [i, { text }] of actions.entries()) this.note(`at once ${i + 1}/${actions.length}: ${text}`);
    const done = await Promise.all(actions.map(async (action) => ({ action, result: await action.run(this.#store) })));
    const ranked = this.#storage.workFirst ? done.toSorted((a, b) => rankOf(a.action) - rankOf(b.action)) : done;
    // In one transaction, a place that one of them frees may be given away only at its end.
    // They may have come to the store one after another all the same, or some of them.
    const courses = ordersOf(ranked).flatMap((order) => (this.#storage.answersLate ? roundsOf(order) : [[order]]));
    const explanations = courses.flatMap((rounds) =>
      [false, true].map((holdsPlaces): Explanation => {
        return (model, seen) => {
          for (const round of rounds) {
            model.holdsPlaces = holdsPlaces;
            model.beginTogether();
            for (const { action, result } of round) action.explain(result)[0]!(model, seen);
            model.endTogether();
          }
        };
      }),
    );
    await this.#understand(explanations);
    for (const { action, result } of done) action.after?.(result);
  }

  /** Breaks the server off while it does something that may or may not have been committed, and starts another. */
  async actAndBreakOff(action: Action, delay: () => Promise<void>): Promise<void> {
    this.note(`server killed during: ${action.text}`);
    const running = action.run(this.#store).catch(() => undefined); // the answer is lost with the server
    await delay();
    await this.#replaceStore();
    await running;
    for (const { id } of await this.#store.listJobs({}, { limit: 1_000 })) this.#changed.add(id);
    const restart: Explanation = (model) => {
      for (const id of model.state.jobs.keys()) model.state.touched.add(id);
      model.restart(this.clock.nowUs());
    };
    const done = action.explain(undefined).map((explanation): Explanation => {
      return (model, seen) => {
        explanation(model, seen);
        restart(model, seen);
      };
    });
    await this.#understand([restart, ...done]);
  }

  async #understand(explanations: readonly Explanation[]): Promise<void> {
    const changed = this.#changed;
    this.#changed = new Set();
    this.#model = await explain(this.#model, explanations, { changed, read: (jobId) => this.#read(jobId) });
    const dueUs = this.#model.earliestDueUs(this.clock.nowUs());
    const inTime = this.#plannedUs <= Math.max(dueUs, this.clock.nowUs());
    demand(inTime, () => `something is due at ${dueUs}, a server would look at ${this.#plannedUs}`);
  }

  async #read(jobId: string) {
    const [job] = await this.#store.getJobs([jobId], { includeOutputs: true });
    demand(job !== undefined, () => `the store does not know job ${jobId}`);
    const tasks = await allPages((page) => this.#store.listTasks({ jobId, includePayloads: true }, page));
    return { job, tasks };
  }

  /** A pass of maintenance was begun: what was planned is what it does. */
  beginPass(): void {
    this.#plannedUs = Infinity;
  }

  /** A server would look at its store at this time. */
  plan(atUs: number): void {
    this.#plannedUs = Math.min(this.#plannedUs, atUs);
  }

  /** When a server would look at its store next; the time when nothing is planned. */
  nextLookUs(): number {
    return this.#plannedUs === Infinity ? this.clock.nowUs() : this.#plannedUs;
  }

  /** Closes the store and opens it again. */
  async restart(): Promise<void> {
    this.note("server stopped and started");
    await this.#projection.flush();
    this.#disconnect();
    await this.#store.stop();
    this.#store = this.#storage.connect();
    await this.#start();
    await this.#understand([(model) => model.restart(this.clock.nowUs())]);
  }

  /** Breaks the store off and opens what it left. */
  async breakOff(): Promise<void> {
    this.note("server killed and started");
    await this.#replaceStore();
    await this.#understand([(model) => model.restart(this.clock.nowUs())]);
  }

  async #replaceStore(): Promise<void> {
    this.#disconnect();
    await this.#storage.breakOff(this.#store);
    this.#store = this.#storage.connect();
    await this.#start();
  }

  async #start(): Promise<void> {
    await this.#store.start();
    this.#projection = this.#storage.project(this.#store);
    const { note } = this.#projection;
    this.#unsubscribe = [
      this.#store.on("changed", (jobIds, taskIds) => {
        for (const id of jobIds) this.#changed.add(id);
        note.call(this.#projection, jobIds, taskIds);
      }),
      this.#store.on("due", (atUs) => this.plan(atUs)),
    ];
    await this.#projection.recover();
    // A server that starts looks at once, whatever the clock does meanwhile.
    this.plan(0);
  }

  #disconnect(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#unsubscribe = [];
  }

  /** Writes the lifecycle spans noted so far. */
  async project(): Promise<void> {
    this.note("spans written");
    await this.#projection.flush();
  }

  /** Compares every job, and what the store counts over all of them. */
  async checkAll(): Promise<void> {
    for (const id of this.#model.state.jobs.keys()) compareJob(this.#model, await this.#read(id));
    const { clock } = this;
    await checkStats(this.#model.state, this.#store, { nowUs: clock.nowUs(), wentBack: this.#wentBack });
  }

  /** Compares all spans, once everything has ended. */
  async checkSpans(): Promise<void> {
    await this.#projection.flush();
    checkSpans(this.#model.state, this.#storage.spans());
    const left = await this.#store.unprojectedJobs(10);
    demand(left.length === 0, () => `the final spans of ${left.length} ended jobs are not known to be stored`);
  }
}

/** What brings work is done first, then what may end what others wait for. */
function rankOf({ brings }: Action): number {
  return brings === undefined ? 2 : Number(brings === "results");
}

const START_US = new FakeClock().nowUs();

import { Worker } from "node:worker_threads";
import type { Clock } from "../clock.ts";
import type { RuleBatch, RuleMatches } from "../engine/trigger/match-batch.ts";
import { type MatchReply, type MatchSettings, PROGRESS_CELLS } from "./match-messages.ts";

/** What became of a batch: what matched, or the evaluation at which the thread had to be ended or died. */
export type MatchOutcome = { matches: RuleMatches } | { event: number; trigger: number; why: string };

/** The thread is looked at so often, and ended when as many looks in a row saw the same evaluation. */
const LOOK_MS = 50;

/** Looks before the first evaluation: the thread has to start, which on a busy machine takes seconds. */
const LOOKS_TO_BEGIN = 1_200;

/** Expressions share this with what the thread needs itself, some 30 MB. */
const MAX_HEAP_MB = 256;

/** Who waits for the thread's answer. */
interface Waiting {
  answer: (outcome: MatchOutcome) => void;
  fail: (error: Error) => void;
}

/**
 * The thread that evaluates expressions, and who watches it.
 *
 * I1. One batch at a time.
 * I2. An evaluation that does not end, or uses up the memory, ends the thread with it; the next batch starts a new one.
 */
export class MatchWorker {
  readonly #clock: Clock;
  #worker: Worker | undefined;
  #progress: Int32Array<SharedArrayBuffer> = noProgress();
  #waiting: Waiting | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Evaluates a batch; an evaluation that is seen at more than `looks` looks in a row is ended. Errors: Error of a defect. */
  async run(batch: RuleBatch, looks: number): Promise<MatchOutcome> {
    this.#worker ??= this.#start();
    this.#progress.fill(0);
    const { promise, resolve, reject } = Promise.withResolvers<MatchOutcome>();
    this.#waiting = { answer: resolve, fail: reject };
    this.#worker.postMessage(batch, [batch.payloads.buffer as ArrayBuffer]);
    const stopWatching = this.#watch(this.#worker, looks);
    try {
      return await promise;
    } finally {
      stopWatching();
    }
  }

  /** Ends the thread; a batch that it is at fails. Safe to call twice. */
  async stop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
    this.#waiting?.fail(new Error("cannot match events: the matcher was stopped"));
  }

  #watch(worker: Worker, looks: number): () => void {
    let seen = 0;
    let evaluations = 0;
    const look = (): void => {
      // Looks are counted, not time: when this thread was not served the other may have had nothing either.
      const begun = this.#progress[0]!;
      seen = evaluations === begun ? seen + 1 : 1;
      evaluations = begun;
      if (seen > (begun === 0 ? LOOKS_TO_BEGIN : looks))
        this.#lost(worker, `it ran for more than ${(looks * LOOK_MS) / 1000} s`);
      else cancel = this.#clock.schedule(look, LOOK_MS);
    };
    let cancel = this.#clock.schedule(look, LOOK_MS);
    return () => cancel();
  }

  #start(): Worker {
    // Where the program runs from sources, so does the thread.
    const file = import.meta.url.endsWith(".ts") ? "./match-thread.ts" : "./match-thread.js";
    this.#progress = noProgress();
    const settings: MatchSettings = { progress: this.#progress };
    const worker = new Worker(new URL(file, import.meta.url), {
      name: "spanloom-match",
      workerData: settings,
      // What the program preloads, e.g. instrumentation, is not for this thread.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    worker.unref();
    worker.on("message", (reply: MatchReply) => worker === this.#worker && this.#heard(reply));
    worker.on("messageerror", (error) => this.#lost(worker, whyOf(error)));
    worker.on("error", (error) => this.#lost(worker, whyOf(error)));
    worker.on("exit", (code) => this.#lost(worker, `the thread ended with ${code}`));
    return worker;
  }

  #heard(reply: MatchReply): void {
    if ("matches" in reply) this.#waiting?.answer({ matches: reply.matches });
    else this.#waiting?.fail(new Error(`in the matching thread: ${reply.defect}`));
  }

  #lost(worker: Worker, why: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    void worker.terminate();
    const [evaluations, event, trigger] = this.#progress as unknown as [number, number, number];
    // Before the first evaluation it is no expression's fault.
    if (evaluations === 0) this.#waiting?.fail(new Error(`cannot match events: ${why}`));
    else this.#waiting?.answer({ event, trigger, why });
  }
}

function noProgress(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(PROGRESS_CELLS * Int32Array.BYTES_PER_ELEMENT));
}

function whyOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code === "ERR_WORKER_OUT_OF_MEMORY"
    ? `it used more than ${MAX_HEAP_MB} MB of memory`
    : (message ?? String(error));
}

import type { SelfTracer, WorkSpan } from "../self-tracing/self-tracer.ts";

/** The span of one scheduling pass: from tasks becoming ready until those who waited for them have been answered. */
export class WakePass {
  readonly #tracer: SelfTracer;
  readonly #ready: number;
  readonly #claims: Promise<number>[] = [];
  #span: WorkSpan | undefined;

  constructor(tracer: SelfTracer, queues: ReadonlyMap<string, number>) {
    this.#tracer = tracer;
    this.#ready = [...queues.values()].reduce((sum, tasks) => sum + tasks, 0);
  }

  /** Counts a waiter's claim, which answers how many tasks it brought. */
  add(claim: Promise<number>): void {
    this.#span ??= this.#tracer.part("scheduler.wake");
    this.#claims.push(claim);
  }

  /** Ends the pass once every claim is answered; without any there is no span. */
  end(): void {
    const span = this.#span;
    if (!span) return;
    void Promise.all(this.#claims).then((leased) =>
      span.end({
        "spanloom.tasks.ready": this.#ready,
        "spanloom.waiters.woken": leased.length,
        "spanloom.tasks.leased": leased.reduce((sum, tasks) => sum + tasks, 0),
      }),
    );
  }
}

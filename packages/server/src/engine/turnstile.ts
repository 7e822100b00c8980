import type { Admission, Gate, GateWaiter } from "./admission.ts";
import { type InTurn, TurnOrder } from "./turn-order.ts";

/**
 * A gate as the entries of one bucket meet it: those that found it closed are set aside here, in turn.
 *
 * I1. One entry comes back for each opening and for each start that leaves room: what waits is never walked over.
 */
export class Turnstile<Entry extends InTurn> implements GateWaiter {
  readonly gate: Gate;
  /** Ready tasks of its entries, set aside or not. */
  tasks = 0;
  readonly #admission: Admission;
  readonly #putBack: (entry: Entry, tasks: number) => void;
  readonly #aside = new TurnOrder<Entry>();

  /** `putBack` gives an entry its place in turn again, for about `tasks` tasks. */
  constructor(gate: Gate, admission: Admission, putBack: (entry: Entry, tasks: number) => void) {
    this.gate = gate;
    this.#admission = admission;
    this.#putBack = putBack;
  }

  /** How many tasks it lets through now. */
  room(nowUs: number): number {
    return this.#admission.room(this.gate, nowUs);
  }

  /** Sets an entry aside that may not go now. */
  setAside(entry: Entry, nowUs: number): void {
    this.#aside.add(entry);
    this.#admission.await(this.gate, this, nowUs);
  }

  gateMayOpen(nowUs: number): void {
    const entry = this.#aside.first();
    if (entry === undefined) {
      this.#admission.stopAwaiting(this.gate, this);
      return;
    }
    const room = this.room(nowUs);
    if (room === 0) return;
    this.#aside.removeFirst();
    this.#putBack(entry, Math.min(room, this.tasks));
    if (this.#aside.first() === undefined) this.#admission.stopAwaiting(this.gate, this);
  }

  /** Notes tasks that wait, or with a negative number ones that no longer do. */
  count(tasks: number): void {
    this.tasks += tasks;
    this.#admission.queue(this.gate, tasks);
    if (this.tasks === 0) this.#admission.stopAwaiting(this.gate, this);
  }

  /** Notes that tasks start; another entry may follow when there is room left. */
  start(tasks: number, nowUs: number): void {
    this.#admission.start(this.gate, tasks, nowUs);
    this.count(-tasks);
    this.gateMayOpen(nowUs);
  }
}

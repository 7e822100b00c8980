import type { DefinitionKind } from "./trigger-store.ts";

/** What a transaction changed, to be announced: `ready` inside it, the rest after its commit. */
export class Changes {
  readonly jobs = new Set<string>();
  readonly tasks = new Set<string>();
  readonly ended = new Set<string>();
  /** Runners with an attempt to stop. */
  readonly cancelled = new Set<string>();
  /** Tasks that became ready, by queue, and were not announced yet. */
  ready = new Map<string, number>();
  /** Tasks that were given out. */
  leased = 0;
  /** Earliest thing to do that the transaction brought about. */
  dueUs = Number.POSITIVE_INFINITY;
  /** Schedules, triggers and webhooks that were written or deleted. */
  readonly definitions = new Set<DefinitionKind>();
  /** Earliest time that a schedule is due which was written. */
  scheduleDueUs = Number.POSITIVE_INFINITY;
  /** Whether there are new events. */
  events = false;

  /** Notes tasks that became ready. */
  addReady(queue: string, count: number): void {
    this.ready.set(queue, (this.ready.get(queue) ?? 0) + count);
  }

  /** Notes something to do at a time. */
  addDue(atUs: number | undefined): void {
    if (atUs !== undefined && atUs < this.dueUs) this.dueUs = atUs;
  }

  /** Notes when a schedule is due. */
  addSchedule(atUs: number): void {
    if (atUs < this.scheduleDueUs) this.scheduleDueUs = atUs;
  }

  /** Takes the ready tasks noted since the last call. */
  takeReady(): ReadonlyMap<string, number> {
    const { ready } = this;
    this.ready = new Map();
    return ready;
  }
}

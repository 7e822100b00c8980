/**
 * Schedules, triggers, webhooks and events: what submits jobs without a person.
 *
 * I1. A time of a schedule is dealt with once: `fire` moves a schedule on only from where its caller saw it, in the
 *     transaction that makes the jobs. Of several servers that fire the same time one does, and the others learn it.
 * I2. An event is matched once: `settle` moves the cursor on only from where its caller read, in the transaction that makes
 *     the jobs. So each trigger sees each event once, in the order of `seq`.
 * I3. What jobs' lives give as events is written in the transaction that changes the job, and only while a live trigger
 *     wants it.
 * I4. A job that cannot be stored, as it has a defect, spoils no other of its call: its firing fails with the reason.
 * I5. What a schedule, trigger or webhook is lies in `body`, which the store neither reads nor changes.
 *
 * All times are microseconds since the Unix epoch.
 */

import type { NewJob } from "./records.ts";

/** What can be defined. */
export type DefinitionKind = "schedule" | "trigger" | "webhook";

/** What to write of a schedule, trigger or webhook. */
export interface NewDefinition {
  kind: DefinitionKind;
  /** Of a new one; one that is there keeps its own. */
  id: string;
  /** Among those of its kind there is one of a name. */
  name: string;
  /** Its encoded request. */
  body: Uint8Array;
  paused: boolean;
  /** Empty unless it is paused and somebody said why. */
  pauseReason: string;
  /** Of a schedule: when to fire next, jitter included; absent when it has no more times or is paused. */
  nextAtUs?: number | undefined;
  /** Of a schedule: the last of its times that was dealt with; those up to it never fire again. It never moves back. */
  lastAtUs?: number | undefined;
  /** Of a trigger that is not paused: it may take what jobs' lives give as events. */
  wantsJobEvents?: boolean | undefined;
  /** Firings kept. */
  keepFirings: number;
}

/** A schedule, trigger or webhook as stored. */
export interface DefinitionRecord extends NewDefinition {
  /** 1 for a new one, one more with every `put`; firing leaves it. */
  revision: number;
  createdAtUs: number;
  updatedAtUs: number;
  lastFiring?: FiringRecord | undefined;
  /** Of its latest firing that failed, until one submits a job. */
  lastError?: { message: string; atUs: number } | undefined;
}

/** Which definitions to list, by name. */
export interface DefinitionQuery {
  kind: DefinitionKind;
  namePrefix?: string;
  paused?: boolean;
}

/** What became of a time or an event. */
export type FiringOutcomeName = "submitted" | "skipped" | "missed" | "failed";

/** A time of a schedule to fire, or an event at a trigger. */
export interface NewFiring {
  /** UUIDv7 made from what is fired, and the id of `job`: the same firing asked for again is the same. */
  id: string;
  /** The time it is meant for. */
  scheduledAtUs: number;
  /** The event that matched. */
  eventId?: string;
  requested: boolean;
  /** A job to submit, times that were missed, or why no job can be made. */
  what: { job: NewJob } | { missed: number } | { error: string };
}

/** A firing as stored. */
export interface FiringRecord {
  /** Order in which they were stored; names a page. */
  seq: number;
  id: string;
  sourceId: string;
  outcome: FiringOutcomeName;
  scheduledAtUs: number;
  firedAtUs: number;
  /** Empty when no job was submitted. */
  jobId: string;
  /** Empty for schedules. */
  eventId: string;
  /** Empty unless it failed or was skipped. */
  error: string;
  requested: boolean;
  /** More than one only for times missed in a row. */
  count: number;
}

/** What to fire of one schedule. */
export interface ScheduleFirings {
  scheduleId: string;
  /** Where the schedule is moved from and to; absent for firings that were asked for, which leave it where it is. */
  advance?: {
    /** Revision and next time as the caller saw them: with others nothing is fired. */
    revision: number;
    fromUs: number;
    nextAtUs: number | undefined;
    lastAtUs: number;
  };
  firings: readonly NewFiring[];
}

/** An event to keep. The caller has validated it. */
export interface NewEventRecord {
  /** One that is there already is left as it is. */
  id: string;
  key: string;
  /** JSON. */
  payload: Uint8Array;
  /** Without the trace context. */
  metadata: Readonly<Record<string, string>>;
  /** Of the publisher; empty texts where there is none. */
  trace: { traceparent: string; tracestate: string; baggage: string };
  source: "published" | "webhook" | "job" | "replay";
  /** Name of the webhook; empty without. */
  webhook: string;
  /** The event it repeats; empty without. */
  replayOf: string;
  /** Id of the one trigger that may see it; empty: all. */
  onlyTrigger: string;
  depth: number;
}

/** An event as stored. */
export interface EventRecord extends NewEventRecord {
  /** Order in which they were stored. */
  seq: number;
  receivedAtUs: number;
}

/** Which events to list. All given conditions must hold. */
export interface EventQuery {
  /** Of the key, from its start. */
  keyPrefix?: string;
  /** Of the whole key: a regular expression of `.`, literals, `[^.]` and `*` alone, from a key pattern. */
  keyRegex?: string;
  receivedAfterUs?: number;
  receivedBeforeUs?: number;
  sources?: readonly NewEventRecord["source"][];
  webhook?: string;
}

/** Events after the cursor. */
export interface UnmatchedEvents {
  /** The cursor: the last `seq` that was settled, 0 at first. */
  fromSeq: number;
  /** In the order of `seq`. */
  events: readonly EventRecord[];
}

/** What the events up to `toSeq` fired. */
export interface EventSettlement {
  /** As `unmatched` told it: with another nothing is done. */
  fromSeq: number;
  toSeq: number;
  /** By trigger; those of a trigger that is gone are dropped. */
  firings: readonly { triggerId: string; firing: NewFiring }[];
}

/** Which firings to list. All given conditions must hold. */
export interface FiringQuery {
  sourceId?: string;
  eventId?: string;
  outcomes?: readonly FiringOutcomeName[];
}

/** What changed, here or on another server. */
export interface TriggerNews {
  /** Schedules, triggers or webhooks were made, changed or deleted. */
  definitions?: readonly DefinitionKind[];
  /** A schedule that was written is due at this time. Those that were fired are found by `nextScheduleUs`. */
  scheduleDueUs?: number;
  /** There are events to match. */
  events?: boolean;
}

/**
 * The part of a store that keeps triggers.
 *
 * Shape and errors as of {@link Store}: promises resolve after commit, and a rejected write left no trace.
 */
export interface TriggerStore {
  /** Tells of changes after their commit; returns how not to. Listeners must be quick and must not throw. */
  onNews(listener: (news: TriggerNews) => void): () => void;

  /**
   * Writes a definition whose revision is `revision`, 0 for one that is not there. Resolves with undefined when it has
   * another, and nothing was written.
   */
  put(definition: NewDefinition, revision: number): Promise<DefinitionRecord | undefined>;
  /** Deletes one; its firings go with it. False when there was none. */
  delete(kind: DefinitionKind, name: string): Promise<boolean>;
  /** One by name. */
  get(kind: DefinitionKind, name: string): Promise<DefinitionRecord | undefined>;
  /** By name, byte by byte, `after` being the last name of the page before. */
  list(query: DefinitionQuery, page: { limit: number; after?: string }): Promise<readonly DefinitionRecord[]>;

  /** Schedules that are due at `atUs`, the longest due first. */
  dueSchedules(atUs: number, limit: number): Promise<readonly DefinitionRecord[]>;
  /** When the next schedule is due; undefined when none is. */
  nextScheduleUs(): Promise<number | undefined>;
  /**
   * Submits jobs of schedules, records their firings and moves them on, all in one transaction. Answers each schedule in
   * order: its firings as they stand, with those that had been made before; undefined when it is not where the caller saw
   * it, or gone. A firing that was forgotten and whose job is there is submitted with that job.
   */
  fire(schedules: readonly ScheduleFirings[]): Promise<readonly (readonly FiringRecord[] | undefined)[]>;

  /** Keeps events; tells of each whether it was there already. */
  publish(events: readonly NewEventRecord[]): Promise<readonly boolean[]>;
  /** The oldest events that were not matched: at most `limit`, and of `maxBytes` of payload, but at least one. */
  unmatched(limit: number, maxBytes: number): Promise<UnmatchedEvents>;
  /** Submits jobs of triggers, records their firings and moves the cursor on, all in one transaction; undefined when it stood elsewhere. */
  settle(settlement: EventSettlement): Promise<readonly FiringRecord[] | undefined>;
  /** How many events wait to be matched, and since when the oldest does. */
  eventBacklog(): Promise<{ count: number; oldestUs: number | undefined }>;
  /** Whether events up to this one are matched. */
  matchedSeq(): Promise<number>;
  /** Events by id, in no order; unknown ids are left out. */
  getEvents(ids: readonly string[]): Promise<readonly EventRecord[]>;
  /** Newest first; `after` is the `seq` of the last of the page before. */
  listEvents(query: EventQuery, page: { limit: number; after?: number }): Promise<readonly EventRecord[]>;
  /** Newest first; `after` is the `seq` of the last of the page before. */
  listFirings(query: FiringQuery, page: { limit: number; after?: number }): Promise<readonly FiringRecord[]>;
  /**
   * Forgets matched events received before a time, and firings beyond what each definition keeps: at most `limit` of each.
   * Resolves with how many were forgotten; as long as it is no less than `limit`, there may be more.
   */
  tidy(eventsBeforeUs: number, limit: number): Promise<number>;
}

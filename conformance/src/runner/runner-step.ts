import type { Template } from "../cases/template.ts";
import type { ServerSettings } from "../scripted/server-settings.ts";

/** What a runner is started with, beside the server. */
export interface RunnerSettings {
  concurrency: number;
  graceMs: number;
  abandonMs: number;
}

/** Begins a case that needs a runner process, and a server, of its own. */
export interface ProcessStep {
  kind: "process";
  server: Partial<ServerSettings>;
  runner: Partial<RunnerSettings>;
  /** The server is away when the runner starts. */
  away: boolean;
  line: number;
}

/** Offers a task. */
export interface OfferStep {
  kind: "offer";
  /** Variable that the task is kept in. */
  as: string;
  offer: Template;
  line: number;
}

/** What a case can look at. */
export const views = [
  "results",
  "spans",
  "all_spans",
  "logs",
  "heartbeats",
  "calls",
  "registrations",
  "unregistrations",
  "sleeping",
  "refused",
  "expired",
  "exit",
] as const;

export type View = (typeof views)[number];

/** Views that are about one task. */
export const taskViews: ReadonlySet<View> = new Set(["results", "spans", "all_spans", "logs"]);

/** Compares what the runner said with what is expected: once, or again whenever something came. */
export interface LookStep {
  kind: "look";
  view: View;
  /** Variable of the task it is about. */
  of: string | undefined;
  /** Only the first entry of the view is looked at, and once it is there it must fit. */
  first: boolean;
  expect: Template | undefined;
  /** Paths by the variable that they are kept in. */
  save: ReadonlyMap<string, string>;
  /** How long to wait at most; undefined for a look at once. */
  untilMs: number | undefined;
  line: number;
}

/** Decides what is answered to the next results of a task. */
export interface AnswerStep {
  kind: "answer";
  task: string;
  answer: "STALE_LEASE" | "INVALID" | "LOST";
  times: number;
  line: number;
}

/** Tells the runner to stop an attempt. */
export interface CancelStep {
  kind: "cancel";
  task: string;
  reason: string;
  by: "heartbeat" | "lease";
  line: number;
}

/** Takes the lease of a task away. */
export interface LoseStep {
  kind: "lose";
  task: string;
  line: number;
}

/** What a server can be told to be. */
export const serverStates = ["away", "refusing", "back", "draining_by_heartbeat", "draining_by_lease"] as const;

export interface ServerStep {
  kind: "server";
  state: (typeof serverStates)[number];
  line: number;
}

export interface SignalStep {
  kind: "signal";
  signal: "SIGTERM" | "SIGINT" | "SIGKILL";
  line: number;
}

/** Starts the command again after it has ended. */
export interface RestartStep {
  kind: "restart";
  line: number;
}

export type RunnerStep =
  | ProcessStep
  | OfferStep
  | LookStep
  | AnswerStep
  | CancelStep
  | LoseStep
  | ServerStep
  | SignalStep
  | RestartStep;

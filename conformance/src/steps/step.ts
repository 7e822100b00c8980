import type { DescMethod } from "@bufbuild/protobuf";
import type { Template } from "../cases/template.ts";

/** What an answer must be, and what is kept of it. */
export interface Expectation {
  /** Compared with the answer. */
  expect?: Template;
  /** Compared with the error; the call must fail. */
  error?: Template;
  /** Paths into the answer, or into the error, by the variable that they are kept in. */
  save: ReadonlyMap<string, string>;
}

/** A call of the protocol. */
export interface CallStep extends Expectation {
  kind: "call";
  method: DescMethod;
  request: Template;
  headers: Template | undefined;
  /** Repeat the call until its answer is as expected, at most so long. */
  untilMs?: number;
  /** The answer must come within so long. */
  withinMs?: number;
  /** Name under which it runs on while the case goes on. */
  background?: string;
  line: number;
}

/** Waits for what runs in the background. A stream need not have ended, unless `ended` is expected. */
export interface AwaitStep extends Expectation {
  kind: "await";
  name: string;
  /** How long to wait at most. */
  untilMs?: number;
  line: number;
}

/** A request of plain HTTP, for what no client of the protocol would send. */
export interface HttpStep extends Expectation {
  kind: "http";
  request: Template;
  line: number;
}

/** Compares variables. */
export interface CheckStep extends Expectation {
  kind: "check";
  value: Template;
  line: number;
}

/** Sets variables. */
export interface SetStep {
  kind: "set";
  values: ReadonlyMap<string, Template>;
  line: number;
}

/** Runs steps one after the other several times, or all at once; `${at}` counts from 0. */
export interface RepeatStep {
  kind: "repeat";
  times: Template;
  atOnce: boolean;
  steps: readonly Step[];
  line: number;
}

/** Runs steps at once. */
export interface ParallelStep {
  kind: "parallel";
  steps: readonly Step[];
  line: number;
}

/** Runs the steps of a fragment, with variables that have the values given there. */
export interface UseStep {
  kind: "use";
  /** Name of the fragment. */
  name: string;
  steps: readonly Step[];
  values: ReadonlyMap<string, Template>;
  /** Values of variables that `values` leaves out. */
  defaults: ReadonlyMap<string, Template>;
  line: number;
}

export type Step = CallStep | AwaitStep | HttpStep | CheckStep | SetStep | RepeatStep | ParallelStep | UseStep;

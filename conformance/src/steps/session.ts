import type { Transport } from "@connectrpc/connect";
import type { CallOutcome, RunningStream } from "../calls/call.ts";
import type { Scope } from "../match/scope.ts";

/** One run of a case against a server. */
export interface Session {
  transport: Transport;
  url: string;
  token: string | undefined;
  /** Ends what is under way when the case is over. */
  signal: AbortSignal;
  /** Every time limit is multiplied by it. */
  patience: number;
  /** Calls that run on beside the steps, by name. */
  background: Map<string, Background>;
}

/** A call that runs on beside the steps. */
export type Background = { kind: "unary"; outcome: Promise<CallOutcome> } | { kind: "stream"; stream: RunningStream };

/** Where a step runs. */
export interface StepContext {
  session: Session;
  scope: Scope;
}

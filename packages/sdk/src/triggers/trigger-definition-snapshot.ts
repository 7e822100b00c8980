import { TraceMode, type Trigger } from "@spanloom/protocol";
import { type DefinitionSnapshot, toDefinitionSnapshot } from "./definition-snapshot.ts";
import { NO_TASK } from "./trigger-options.ts";

/** A trigger as it stood when the server answered: plain data, nothing in it changes. */
export interface TriggerSnapshot extends DefinitionSnapshot {
  /** Keys of events that it takes. */
  on: string;
  /** Condition on the event, if there is one. */
  when?: string;
  /** The input as an expression over the event; absent when it is the payload as it is, or fixed. */
  input?: string;
  /** Root task that gets the input; false: none. Absent when it is the only one. */
  inputTask?: string | false;
  /** Whether its jobs' spans are children of the publisher's or linked to it. */
  traceMode: "child" | "link";
}

/** A trigger of the protocol as a plain object. */
export function toTriggerSnapshot(trigger: Trigger): TriggerSnapshot {
  const { keyPattern, filter, input, inputTask, traceMode } = trigger;
  return {
    ...toDefinitionSnapshot(trigger),
    on: keyPattern,
    ...(filter && { when: filter }),
    ...(input && { input }),
    ...(inputTask && { inputTask: inputTask === NO_TASK ? (false as const) : inputTask }),
    traceMode: traceMode === TraceMode.CHILD ? "child" : "link",
  };
}

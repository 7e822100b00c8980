import type { SelfTracer, WorkAttributes, WorkSpan } from "../self-tracing/self-tracer.ts";
import type { Changes } from "./changes.ts";

/** Who asked for an operation, while that is traced. */
export interface Asked {
  caller: WorkSpan | undefined;
}

/** Begins the span of a transaction, for the operations that are known to share it. */
export function beginCommit(tracer: SelfTracer, asked: readonly Asked[]): WorkSpan {
  return tracer.shared("store.commit", callersOf(asked));
}

/** Ends it, for all operations that did, with what they changed; or with why it was undone. */
export function endCommit(
  span: WorkSpan,
  asked: readonly Asked[],
  how: { changed: WorkAttributes } | { failure: unknown },
): void {
  span.join(callersOf(asked));
  if ("failure" in how) span.fail(how.failure);
  span.end({ "db.operation.batch.size": asked.length, ...("changed" in how && how.changed) });
}

/** What a transaction changed, for its span. */
export function commitFacts(system: string, { tasks, jobs, ended, leased }: Changes): WorkAttributes {
  return {
    "db.system.name": system,
    "spanloom.tasks.leased": leased,
    "spanloom.tasks.changed": tasks.size,
    "spanloom.jobs.changed": jobs.size,
    "spanloom.jobs.ended": ended.size,
  };
}

function callersOf(asked: readonly Asked[]): (WorkSpan | undefined)[] {
  return asked.map(({ caller }) => caller);
}

import { StatementSync } from "node:sqlite";

const methods = ["run", "get", "all", "iterate"] as const;
let count = 0;
let counting = false;

/** How many SQLite statements this process has run since it was first asked. */
export function statementsRun(): number {
  if (!counting) {
    counting = true;
    for (const method of methods) {
      const original = StatementSync.prototype[method] as (...values: unknown[]) => unknown;
      StatementSync.prototype[method] = function counted(this: StatementSync, ...values: unknown[]) {
        count++;
        return original.apply(this, values);
      } as never;
    }
  }
  return count;
}

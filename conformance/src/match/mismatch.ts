import type { Json } from "../cases/template.ts";
import type { Scope } from "./scope.ts";

/** Where an answer is not what was expected. */
export interface Mismatch {
  /** Path into the answer, e.g. `job.counts.queued`; empty for the whole. */
  path: string;
  /** What was expected there, for people. */
  expected: string;
  /** What came; undefined when nothing did. */
  actual: Json | undefined;
}

/** Where a comparison is. */
export interface At {
  scope: Scope;
  path: string;
}

/** A mismatch at a path. */
export function mismatch(at: At, expected: string, actual: Json | undefined): Mismatch {
  return { path: at.path, expected, actual };
}

/** The first mismatch among items. */
export function firstOf<Item>(
  items: readonly Item[],
  compare: (item: Item) => Mismatch | undefined,
): Mismatch | undefined {
  for (const item of items) {
    const found = compare(item);
    if (found) return found;
  }
  return undefined;
}

/** The place of a field below a place. */
export function inField(at: At, name: string): At {
  return { scope: at.scope, path: at.path === "" ? name : `${at.path}.${name}` };
}

/** The place of an entry of a list. */
export function inIndex(at: At, index: number): At {
  return { scope: at.scope, path: `${at.path}[${index}]` };
}

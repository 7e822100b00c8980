import { Cursor } from "../cases/cursor.ts";
import type { Case } from "../cases/suite.ts";
import type { CaseResult } from "./subject.ts";

/** A case that is known to fail. */
export interface KnownFailure {
  /** `suite: name`. */
  case: string;
  /** Variants that fail; empty for all. */
  variants: readonly string[];
  /** Why. */
  reason: string;
}

/** Reads a list of known failures: entries of `case`, `reason`, and `variants` when not all fail. An empty file lists none. */
export function readKnownFailures(file: string, text: string): KnownFailure[] {
  const root = Cursor.parse(file, text);
  if (root.isEmpty) return [];
  return root.items().map((entry) => {
    const fields = entry.fields(["case", "variants", "reason"]);
    return {
      case: entry.required(fields, "case").text(),
      variants: fields.variants?.items().map((item) => item.text()) ?? [],
      reason: entry.required(fields, "reason").text(),
    };
  });
}

/** How a result stands beside the list: `known` failed as listed, `unexpected` passed although it is listed. */
export type Outcome = "passed" | "failed" | "known" | "unexpected";

export interface JudgedResult extends CaseResult {
  outcome: Outcome;
}

/** Judges results by a list of known failures. */
export function judge(results: readonly CaseResult[], known: readonly KnownFailure[]): JudgedResult[] {
  return results.map((result) => {
    const listed = known.some((entry) => lists(entry, result));
    const failed = result.failure !== undefined;
    return { ...result, outcome: failed ? (listed ? "known" : "failed") : listed ? "unexpected" : "passed" };
  });
}

/** Entries that name no case there is, or a variant in which it is not run. */
export function strayEntries(
  known: readonly KnownFailure[],
  cases: readonly Pick<Case<unknown>, "suite" | "name" | "variants">[],
  variants: readonly string[],
): KnownFailure[] {
  return known.filter((entry) => {
    const named = cases.find((each) => nameOf(each) === entry.case);
    if (!named) return true;
    const runs = named.variants.length === 0 ? variants : named.variants;
    return entry.variants.some((variant) => !runs.includes(variant));
  });
}

/** A case as lists and reports name it. */
export function nameOf({ suite, name }: { suite: string; name: string }): string {
  return `${suite}: ${name}`;
}

function lists(entry: KnownFailure, result: CaseResult): boolean {
  return entry.case === nameOf(result) && (entry.variants.length === 0 || entry.variants.includes(result.variant));
}

import { type Reason, SpanloomError } from "@spanloom/protocol";
import type { Statement } from "../columnar/span-store.ts";

/** ClickHouse types a parameter may have. */
export type ParameterType = "String" | "Array(String)" | "Int64" | "UInt64" | "UInt32" | "Array(UInt32)" | "Float64";

/**
 * Most conditions of one statement. The engine reads a statement of a thousand in 0.3 s, and its time grows with their
 * square.
 */
const MAX_CONDITIONS = 1_000;

/** Values that callers gave, each bound by name: none ever becomes SQL text. */
export class Parameters {
  readonly values: Record<string, Statement["params"][string]> = {};
  #count = 0;
  #conditions = 0;

  /**
   * Counts conditions of the statement beyond those that bind a value. A list of texts or ids is one.
   *
   * Errors: LIMIT_EXCEEDED.
   */
  count(conditions: number): void {
    this.#conditions += conditions;
    if (this.#conditions > MAX_CONDITIONS) {
      throw queryLimitError("filter", `has more than ${MAX_CONDITIONS} conditions`, { limit: MAX_CONDITIONS });
    }
  }

  /** Binds a value and returns its placeholder. Errors: LIMIT_EXCEEDED. */
  bind(type: ParameterType, value: Statement["params"][string]): string {
    this.count(1);
    const name = `p${this.#count++}`;
    this.values[name] = value;
    return `{${name}:${type}}`;
  }
}

/** An error about a field of a query that is over a limit; `actual` where it was counted to the end. */
export function queryLimitError(field: string, why: string, facts: { limit: number; actual?: number }): SpanloomError {
  return new SpanloomError("LIMIT_EXCEEDED", `cannot query: ${field} ${why}`, { field, ...facts });
}

/** An error about a field of a query, quoting what was given. */
export function queryError(reason: Reason, field: string, why: string): SpanloomError {
  return new SpanloomError(reason, `cannot query: ${field} ${why}`, { field });
}

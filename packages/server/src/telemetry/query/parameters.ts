import { type Reason, SpanloomError } from "@spanloom/protocol";
import type { Statement } from "../columnar/span-store.ts";

/** ClickHouse types a parameter may have. */
export type ParameterType = "String" | "Array(String)" | "Int64" | "UInt64" | "UInt32" | "Array(UInt32)" | "Float64";

/** Values that callers gave, each bound by name: none ever becomes SQL text. */
export class Parameters {
  readonly values: Record<string, Statement["params"][string]> = {};
  #count = 0;

  /** Binds a value and returns its placeholder. */
  bind(type: ParameterType, value: Statement["params"][string]): string {
    const name = `p${this.#count++}`;
    this.values[name] = value;
    return `{${name}:${type}}`;
  }
}

/** An error about a field of a query, quoting what was given. */
export function queryError(reason: Reason, field: string, why: string): SpanloomError {
  return new SpanloomError(reason, `cannot query: ${field} ${why}`, { field });
}

import { DeliveryRefusal } from "./delivery-refusal.ts";

/** Longer than any id, signature or time of day that anybody sends. */
const MAX_VALUE_LENGTH = 4096;

/** The headers of a delivery, of which a header that decides something may be given once. */
export class DeliveryHeaders {
  readonly #values = new Map<string, string[]>();

  /** From names and values by turns, as Node has them. */
  constructor(raw: readonly string[]) {
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = (raw[i] ?? "").toLowerCase();
      const values = this.#values.get(name) ?? [];
      values.push(raw[i + 1] ?? "");
      this.#values.set(name, values);
    }
  }

  /**
   * The value of a header; undefined when it is absent.
   *
   * Errors: DeliveryRefusal `reason` when it is given twice or is too long: of two values one part of a system may check
   * the one, another use the other.
   */
  one(name: string, reason: "signature" | "malformed" = "malformed"): string | undefined {
    const values = this.#values.get(name) ?? [];
    if (values.length > 1) throw new DeliveryRefusal(reason, `header "${name}" is given ${values.length} times`);
    const length = values[0]?.length ?? 0;
    if (length > MAX_VALUE_LENGTH)
      throw new DeliveryRefusal(reason, `header "${name}" has ${length} characters, limit ${MAX_VALUE_LENGTH}`);
    return values[0]?.trim();
  }

  /** As {@link one}; refuses what has no value, too. */
  required(name: string, reason: "signature" | "malformed" = "malformed"): string {
    const value = this.one(name, reason);
    if (!value) throw new DeliveryRefusal(reason, `header "${name}" is ${value === undefined ? "absent" : "empty"}`);
    return value;
  }

  /** All its values as one text, as HTTP joins them; undefined when it is absent. */
  joined(name: string): string | undefined {
    return this.#values.get(name)?.join(", ");
  }
}

import type { DefinitionKind, FiringOutcomeName, NewEventRecord } from "../../trigger-store.ts";

/** Numbers that texts of the contract are stored as. */
export class Codes<Name extends string> {
  readonly #names: readonly Name[];

  /** The first name gets 1. */
  constructor(names: readonly Name[]) {
    this.#names = names;
  }

  /** Number of a name. */
  encode(name: Name): number {
    return this.#names.indexOf(name) + 1;
  }

  /** Name of a number. */
  decode(code: unknown): Name {
    return this.#names[(code as number) - 1]!;
  }
}

/** Kinds of definitions. */
export const kindCodes = new Codes<DefinitionKind>(["schedule", "trigger", "webhook"]);
/** Outcomes of firings. */
export const outcomeCodes = new Codes<FiringOutcomeName>(["submitted", "skipped", "missed", "failed"]);
/** Where events come from. */
export const sourceCodes = new Codes<NewEventRecord["source"]>(["published", "webhook", "job", "replay"]);

/** The first text in byte order after all that begin with a prefix, but for those that go on with the last character there is. */
export function afterPrefix(prefix: string): string {
  return `${prefix}\u{10ffff}`;
}

import { UsageError } from "./cli-context.ts";

/** Adds one `key=value` to those given before. For commander's repeatable options. Errors: UsageError. */
export function collectEntry(flag: string) {
  return (text: string, before: Record<string, string> = {}): Record<string, string> => {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError(`cannot use ${flag} "${text}": it must be key=value`);
    return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
  };
}

/** {@link collectEntry} of a tag. */
export const collectTag = collectEntry("--tag");

/** Adds one text to those given before. For commander's repeatable options. */
export function appendText(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** A whole number within a range. Errors: UsageError. */
export function wholeNumber(flag: string, min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isInteger(value) || value < min || value > max)
      throw new UsageError(`cannot use ${flag} "${text}": it must be a whole number from ${min} to ${max}`);
    return value;
  };
}

/** A point in time, ISO 8601. Errors: UsageError. */
export function instant(flag: string): (text: string) => Date {
  return (text) => {
    const time = new Date(text);
    if (Number.isNaN(time.getTime()))
      throw new UsageError(`cannot use ${flag} "${text}": it must be a time such as 2030-01-31T09:00:00Z`);
    return time;
  };
}

/** What a flag's value may be, for whoever completes command lines. */
export interface KnownValues {
  values: readonly string[];
  /** Whether there may be several, with commas between. */
  isList: boolean;
}

/** A list separated by commas, each one of `known`, compared without case. Errors: UsageError. */
export function oneOfList<Name extends string>(
  flag: string,
  known: readonly Name[],
): ((text: string) => Name[]) & KnownValues {
  return completed({ values: known.map((name) => name.toLowerCase()), isList: true }, (text) =>
    text.split(",").map((part) => {
      const found = known.find((name) => name.toLowerCase() === part.trim().toLowerCase());
      if (!found) throw new UsageError(`cannot use ${flag} "${part}": it must be one of ${known.join(", ")}`);
      return found;
    }),
  );
}

/** One of `known`, compared without case. Errors: UsageError. */
export function oneOf<Name extends string>(
  flag: string,
  known: readonly Name[],
): ((text: string) => Name) & KnownValues {
  return completed({ values: known.map((name) => name.toLowerCase()), isList: false }, (text) => {
    const found = known.find((name) => name.toLowerCase() === text.trim().toLowerCase());
    if (found) return found;
    throw new UsageError(`cannot use ${flag} "${text}": it must be one of ${known.join(", ")}`);
  });
}

/** A reader of a value that tells which values there are. */
export function completed<Value>(
  known: KnownValues,
  read: (text: string) => Value,
): ((text: string) => Value) & KnownValues {
  return Object.assign((text: string) => read(text), known);
}

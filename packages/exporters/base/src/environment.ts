import { SpanloomError } from "@spanloom/protocol";

/** Environment variables by name, e.g. `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that is set, and its value without white space around it. */
export interface Variable {
  readonly name: string;
  readonly value: string;
}

/** The first of several variables that is set. Empty counts as unset, as OpenTelemetry's specification asks. */
export function variableOf(env: Environment, ...names: readonly string[]): Variable | undefined {
  for (const name of names) {
    const value = env[name]?.trim();
    if (value) return { name, value };
  }
  return undefined;
}

/**
 * The value of a variable when it is one of several, in any case; undefined when it is not set. Errors: INVALID_FIELD
 * otherwise.
 */
export function choiceOf<const Choice extends string>(
  variable: Variable | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  if (!variable) return undefined;
  const choice = choices.find((each) => each.toLowerCase() === variable.value.toLowerCase());
  if (choice !== undefined) return choice;
  throw invalidOption(variable.name, variable.value, `is not one of ${choices.join(", ")}`);
}

/** The value of a variable as a whole number from 1; undefined when it is not set. Errors: INVALID_FIELD otherwise. */
export function countOf(variable: Variable | undefined, unit: string): number | undefined {
  if (!variable) return undefined;
  if (/^[1-9][0-9]{0,14}$/.test(variable.value)) return Number(variable.value);
  throw invalidOption(variable.name, variable.value, `is not a whole number of ${unit}`);
}

/**
 * A secret or name without which an exporter cannot work.
 *
 * Errors: INVALID_FIELD saying which option and which variable would give it.
 */
export function required(value: string | undefined, option: string, variable: string): string {
  if (value) return value;
  throw new SpanloomError("INVALID_FIELD", `cannot export: ${option} is missing; give it, or set ${variable}`, {
    field: option,
  });
}

/** An http or https URL. Errors: INVALID_FIELD naming the field, but neither user nor password. */
export function httpUrl(field: string, text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw invalidOption(field, text.replace(/[^/]*@/, "…@"), "is not an http or https URL");
}

/** An option or variable out of its domain. A secret's value must not be told: pass `…` for it. */
export function invalidOption(field: string, value: unknown, problem: string, cause?: unknown): SpanloomError {
  return new SpanloomError("INVALID_FIELD", `cannot export: ${field} "${value}" ${problem}`, { field }, { cause });
}

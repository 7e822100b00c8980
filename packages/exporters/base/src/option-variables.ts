import type { ExporterOptions } from "./configure.ts";
import { choiceOf, countOf, type Environment, type Variable, variableOf } from "./environment.ts";
import { shapeOptionsOf } from "./shape/shape-env.ts";

/** Which variables give an option that is not given. */
export interface OptionVariable<Value> {
  /** The first that is set counts. */
  readonly names: readonly string[];
  /** Errors: INVALID_FIELD naming a variable that is malformed. */
  readonly read: (variable: Variable) => Value;
  /** Another option for the same: where it is given, the variables are not looked at. */
  readonly unlessGiven?: string;
}

/** The variables of an exporter's options. */
export type OptionVariables<Options> = {
  readonly [Name in keyof Options]?: OptionVariable<NonNullable<Options[Name]>>;
};

/** Text, as it is. */
export function textFrom(...names: readonly string[]): OptionVariable<string> {
  return { names, read: ({ value }) => value };
}

/** One of several values, in any case. */
export function choiceFrom<const Choice extends string>(
  choices: readonly Choice[],
  ...names: readonly string[]
): OptionVariable<Choice> {
  // The variable is set, so there is a choice.
  return { names, read: (variable) => choiceOf(variable, choices)! };
}

/** A whole number from 1. */
export function countFrom(unit: string, ...names: readonly string[]): OptionVariable<number> {
  // The variable is set, so there is a count.
  return { names, read: (variable) => countOf(variable, unit)! };
}

/**
 * Options over the variables of an environment, the shape's included; an option that is undefined is not given.
 *
 * Errors: INVALID_FIELD naming a variable that is malformed.
 */
export function optionsFromEnv<Options extends ExporterOptions>(
  variables: OptionVariables<Options>,
  env: Environment,
  given: Options,
): Options {
  const isGiven = (name: string | undefined) => given[name as keyof Options] !== undefined;
  const fromEnv = Object.entries<OptionVariable<unknown> | undefined>(variables).map(([name, variable]) => {
    const found = !variable || isGiven(name) || isGiven(variable.unlessGiven) ? undefined : variable;
    const set = found && variableOf(env, ...found.names);
    return [name, set && found.read(set)];
  });
  const defined = [...fromEnv, ...Object.entries(given)].filter(([, value]) => value !== undefined);
  return { ...(Object.fromEntries(defined) as Options), shape: shapeOptionsOf(env, given.shape) };
}

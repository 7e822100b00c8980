import { type Environment, invalidOption, type Variable, variableOf } from "../environment.ts";
import { type ShapeOptions, workflowAliases } from "./shape-options.ts";

const PREFIX = "SPANLOOM_EXPORTER_";

/**
 * Options from `SPANLOOM_EXPORTER_LIFECYCLE` (`full`, `attempts`), `_ALIASES` (`workflow`, or `name=alias,…`),
 * `_INCLUDE_ATTRIBUTES` and `_EXCLUDE_ATTRIBUTES` (`name,other.*`), `_RESOURCE_ATTRIBUTES` and `_TAGS` (`key=value,…`)
 * and `_SAMPLING` (`always`, `parent`, or a number from 0 to 1); undefined when none is set.
 *
 * Errors: INVALID_FIELD naming the variable that is malformed.
 */
export function shapeOptionsFromEnv(env: Environment): ShapeOptions | undefined {
  const of = (name: string) => variableOf(env, `${PREFIX}${name}`);
  const [lifecycle, aliases, sampling] = [of("LIFECYCLE"), of("ALIASES"), of("SAMPLING")];
  const [include, exclude] = [of("INCLUDE_ATTRIBUTES"), of("EXCLUDE_ATTRIBUTES")];
  const [resource, tags] = [of("RESOURCE_ATTRIBUTES"), of("TAGS")];
  const options: ShapeOptions = {
    ...(lifecycle && { lifecycle: lifecycleOf(lifecycle) }),
    ...(aliases && { aliases: aliases.value === "workflow" ? workflowAliases : pairsOf(aliases) }),
    ...(include && { includeAttributes: namesOf(include) }),
    ...(exclude && { excludeAttributes: namesOf(exclude) }),
    ...(resource && { resourceAttributes: pairsOf(resource) }),
    ...(tags && { tags: pairsOf(tags) }),
    ...(sampling && { sampling: samplingOf(sampling) }),
  };
  return Object.keys(options).length === 0 ? undefined : options;
}

/** What is given over what the environment says; undefined when neither says anything. */
export function shapeOptionsOf(env: Environment, given: ShapeOptions | undefined): ShapeOptions | undefined {
  const fromEnv = shapeOptionsFromEnv(env);
  return fromEnv && given ? { ...fromEnv, ...given } : (given ?? fromEnv);
}

function lifecycleOf({ name, value }: Variable): "full" | "attempts" {
  if (value === "full" || value === "attempts") return value;
  throw invalidOption(name, value, "is not one of full, attempts");
}

function samplingOf({ name, value }: Variable): "always" | "parent" | number {
  if (value === "always" || value === "parent") return value;
  const ratio = Number(value);
  if (ratio >= 0 && ratio <= 1) return ratio;
  throw invalidOption(name, value, "is not always, parent, or a number from 0 to 1");
}

function namesOf({ value }: Variable): string[] {
  return value
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** `key=value,key2=value2`; a value may hold `=`. */
function pairsOf(variable: Variable): Record<string, string> {
  const pairs = namesOf(variable).map((pair): [string, string] => {
    const at = pair.indexOf("=");
    if (at > 0) return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    throw invalidOption(variable.name, variable.value, "is not a list of key=value pairs");
  });
  return Object.fromEntries(pairs);
}

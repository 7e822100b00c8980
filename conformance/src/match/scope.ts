import { isJsonObject, type Json } from "../cases/template.ts";

/** A variable that has no value, or a path that leads nowhere. */
export class UnknownVariableError extends Error {
  override readonly name = "UnknownVariableError";
  /** The variable, and what of it was asked for. */
  readonly path: string;

  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/**
 * Variables of one run of a case. What is set within a part of it (a repetition, a fragment) is seen by all of the case,
 * but for what that part was entered with.
 */
export class Scope {
  readonly #values: Map<string, Json>;
  readonly #parent: Scope | undefined;

  constructor(values: Readonly<Record<string, Json>>, parent?: Scope) {
    this.#values = new Map(Object.entries(values));
    this.#parent = parent;
  }

  /** A scope within this one, in which these variables have values of their own. */
  within(values: Readonly<Record<string, Json>>): Scope {
    return new Scope(values, this);
  }

  /** Sets a variable for the whole case. */
  set(name: string, value: Json): void {
    if (this.#parent) this.#parent.set(name, value);
    else this.#values.set(name, value);
  }

  /**
   * Value of `name`, or of what a path after it leads to: `task.trace.traceparent`, `tasks[0]`, or `tasks[at]` with the index
   * that a variable has.
   */
  get(path: string): Json {
    const [, name = "", after = ""] = /^([\w-]+)(.*)$/.exec(path) ?? [];
    const rest = after.replace(/\[([a-z]\w*)\]/g, (_, index: string) => `[${String(this.get(index))}]`);
    const found = this.#find(name);
    if (found === undefined) throw new UnknownVariableError(path, `the variable "${name}" has no value`);
    const value = rest === "" ? found : select(found, rest.replace(/^\./, ""));
    if (value === undefined) throw new UnknownVariableError(path, `"${path}" leads nowhere`);
    return value;
  }

  #find(name: string): Json | undefined {
    const found = this.#values.get(name);
    if (found !== undefined || this.#parent === undefined) return found;
    return this.#parent.#find(name);
  }
}

/**
 * What a path leads to, or undefined: `job.id`, `tasks[0].lease_token`, `rows[type=attempt].span_id` for the first entry
 * whose field has that text, `rows[*].name` for the list of all.
 */
export function select(value: Json, path: string): Json | undefined {
  const steps = [...path.matchAll(/([^.[\]]+)|\[([^\]]*)\]/g)];
  return walk(
    value,
    steps.map(([, field, index]) => (field === undefined ? { index: index ?? "" } : { field })),
  );
}

type PathStep = { field: string } | { index: string };

function walk(value: Json | undefined, [step, ...rest]: PathStep[]): Json | undefined {
  if (step === undefined || value === undefined) return value;
  if ("field" in step) return isJsonObject(value) ? walk(value[step.field], rest) : undefined;
  if (!Array.isArray(value)) return undefined;
  if (step.index === "*") return value.map((item) => walk(item, rest) ?? null);
  const [, field, text] = /^([^=]+)=(.*)$/.exec(step.index) ?? [];
  if (field === undefined) return walk(value.at(Number(step.index)), rest);
  return walk(
    value.find((item) => isJsonObject(item) && String(item[field]) === text),
    rest,
  );
}

/** Text with `${name}` replaced; text that is one variable and nothing else stands for its value, of whatever type. */
export function interpolate(text: string, scope: Scope): Json {
  const whole = /^\$\{([^}]+)\}$/.exec(text);
  if (whole) return scope.get(whole[1]!);
  return text.replace(/\$\{([^}]+)\}/g, (_, path: string) => {
    const value = scope.get(path);
    return typeof value === "string" ? value : JSON.stringify(value);
  });
}

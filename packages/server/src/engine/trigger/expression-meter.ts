/**
 * What one evaluation may allocate, in words of eight bytes: 32 MB.
 *
 * A thread that runs out of memory can take the whole process with it, and lists grow by a gigabyte within the half second
 * after which an evaluation is ended; so growth is counted where it happens.
 */
const MAX_WORDS = 4 * 1024 * 1024;

/** Operators whose results are new: what they yield is counted. */
const ALLOCATING = new Set(["+", "call", "rcall", "list", "map", "comprehension"]);

/** Values in values whose types are told apart. */
const MAX_TYPE_DEPTH = 3;

/** A node of an expression, as the evaluator runs it. */
interface RunnableNode {
  op: string;
  evaluate: (...args: unknown[]) => unknown;
}

/** What runs nodes: it is passed to each. */
interface Evaluator {
  debugType(value: unknown): unknown;
  /** Type of a value with those of the values in it, all of which it keeps for ever. */
  debugTypeDeep(value: unknown): unknown;
}

let words = 0;

/** Runs an evaluation of a metered expression with nothing counted yet. Errors: of the evaluation; RangeError for one that allocates too much. */
export function metered<Value>(evaluation: () => Value): Value {
  words = 0;
  return evaluation();
}

/**
 * Makes a parsed and checked expression count what it allocates, macros included, and keep few types of what it meets.
 *
 * The evaluator has no hook for it: a node's `evaluate` is replaced, by the node itself too, when it first runs.
 */
export function meter(expression: unknown): void {
  meterNodes(expression, new Set());
  if (isRunnable(expression)) beforeFirst(expression, boundTypes);
}

function meterNodes(expression: unknown, seen: Set<unknown>): void {
  if (typeof expression !== "object" || expression === null || seen.has(expression)) return;
  seen.add(expression);
  if (isRunnable(expression) && ALLOCATING.has(expression.op)) meterNode(expression);
  // What macros were expanded to lies in `meta`, which is a getter.
  const parts = "meta" in expression ? [...Object.values(expression), expression.meta] : Object.values(expression);
  for (const part of parts) meterNodes(part, seen);
}

function isRunnable(value: unknown): value is RunnableNode {
  return typeof value === "object" && value !== null && "op" in value && "evaluate" in value;
}

function meterNode(node: RunnableNode): void {
  let evaluate = node.evaluate;
  const counting = (...args: unknown[]): unknown => {
    const value = evaluate.apply(node, args);
    words += wordsOf(value);
    if (words > MAX_WORDS) throw new RangeError(`it allocates more than ${(MAX_WORDS * 8) / 1024 / 1024} MB`);
    return value;
  };
  Object.defineProperty(node, "evaluate", {
    configurable: true,
    get: () => counting,
    set: (replacement: RunnableNode["evaluate"]) => {
      evaluate = replacement;
    },
  });
}

/** Does something with the evaluator before a node runs for the first time, and leaves the node as it was. */
function beforeFirst(node: RunnableNode, act: (evaluator: Evaluator) => void): void {
  const own = Object.getOwnPropertyDescriptor(node, "evaluate");
  Object.defineProperty(node, "evaluate", {
    configurable: true,
    value: (...args: unknown[]): unknown => {
      act(args[0] as Evaluator);
      if (own) Object.defineProperty(node, "evaluate", own);
      else Reflect.deleteProperty(node, "evaluate");
      return node.evaluate(...args);
    },
  });
}

/**
 * Has an evaluator tell types of values only some way into them.
 *
 * It keeps each type it ever met, and there are as many as there are ways to nest lists and maps: payloads could fill the
 * memory with them, at 9 MB for one that is 1,500 deep.
 */
function boundTypes(evaluator: Evaluator): void {
  if (Object.hasOwn(evaluator, "debugTypeDeep")) return;
  const deep = evaluator.debugTypeDeep;
  let depth = 0;
  evaluator.debugTypeDeep = (value) => {
    if (depth === MAX_TYPE_DEPTH) return evaluator.debugType(value);
    depth++;
    try {
      return deep.call(evaluator, value);
    } finally {
      depth--;
    }
  };
}

/** Some upper bound, headers included. */
function wordsOf(value: unknown): number {
  if (typeof value === "string") return value.length / 4;
  if (typeof value !== "object" || value === null) return 0;
  if (Array.isArray(value)) return value.length + 8;
  if (value instanceof Uint8Array) return value.length / 8 + 16;
  return value.constructor === Object ? 8 * Object.keys(value).length + 8 : 8;
}

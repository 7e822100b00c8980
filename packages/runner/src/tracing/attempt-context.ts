import { type Baggage, type Context, propagation, type Span, trace } from "@opentelemetry/api";

/** What an attempt gives to the code that runs in its context. */
export interface ContextSource {
  /** The attempt's span, made on demand. */
  span(): Span;
  /** Baggage of the submitter. */
  baggage(): Baggage | undefined;
}

/** Key under which a context of an attempt holds the attempt. */
export const ATTEMPT_KEY = Symbol.for("spanloom.attempt");

/**
 * The OpenTelemetry context of an attempt: knows the attempt, and makes its span and baggage when someone asks.
 *
 * Most tiny tasks ask for neither, and a span object costs more than running them.
 *
 * I1. Contexts derived from it know the attempt too, however deep.
 * I2. A value set or deleted on the way hides what the attempt would give.
 */
export class AttemptContext implements Context {
  readonly #source: ContextSource;
  readonly #values: ReadonlyMap<symbol, unknown> | undefined;

  constructor(source: ContextSource, values?: ReadonlyMap<symbol, unknown>) {
    this.#source = source;
    this.#values = values;
  }

  getValue(key: symbol): unknown {
    if (this.#values?.has(key)) return this.#values.get(key);
    if (key === SPAN_KEY) return this.#source.span();
    if (key === BAGGAGE_KEY) return this.#source.baggage();
    return key === ATTEMPT_KEY ? this.#source : undefined;
  }

  setValue(key: symbol, value: unknown): Context {
    return new AttemptContext(this.#source, new Map(this.#values).set(key, value));
  }

  deleteValue(key: symbol): Context {
    return this.setValue(key, undefined);
  }
}

// The API keeps its keys to itself, and shows them to any context it is given.
const SPAN_KEY = keyOf((probe) => trace.setSpan(probe, {} as Span));
const BAGGAGE_KEY = keyOf((probe) => propagation.setBaggage(probe, {} as Baggage));

function keyOf(set: (probe: Context) => void): symbol {
  const seen: symbol[] = [];
  const probe: Context = {
    getValue: () => undefined,
    setValue: (key) => {
      seen.push(key);
      return probe;
    },
    deleteValue: () => probe,
  };
  set(probe);
  return seen[0]!;
}

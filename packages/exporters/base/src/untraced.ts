/**
 * Runs what is not the work's doing, an exporter's own HTTP calls for one: neither traced nor below any span.
 *
 * It does what `context.with(suppressTracing(ROOT_CONTEXT), run)` of OpenTelemetry does, without its packages: an exporter
 * then installs alone, and works with whichever copy of the API the application has, in whichever version. Nothing is
 * traced where nobody registered a context manager.
 *
 * Source: @opentelemetry/api 1.x, internal/global-utils; @opentelemetry/core, suppress-tracing.
 */
export function untraced<Result>(run: () => Result): Result {
  const { context: manager } = (globalThis as Globals)[API] ?? {};
  return manager ? manager.with(new Context(new Map([[SUPPRESS_TRACING, true]])), run) : run();
}

/** Where every copy of the API's first major version keeps what was registered. */
const API = Symbol.for("opentelemetry.js.api.1");

/** The key by which SDKs and instrumentations know that they must not trace. */
const SUPPRESS_TRACING = Symbol.for("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

interface Globals {
  readonly [API]?: { readonly context?: ContextManager };
}

interface ContextManager {
  with<Result>(context: Context, run: () => Result): Result;
}

/** A context as the API has it: values by key, never changed. */
class Context {
  readonly #values: ReadonlyMap<symbol, unknown>;

  constructor(values: ReadonlyMap<symbol, unknown>) {
    this.#values = values;
  }

  getValue(key: symbol): unknown {
    return this.#values.get(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return new Context(new Map([...this.#values, [key, value]]));
  }

  deleteValue(key: symbol): Context {
    return new Context(new Map([...this.#values].filter(([each]) => each !== key)));
  }
}

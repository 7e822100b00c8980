import type { Exporter } from "./exporter.ts";

/**
 * Exporters of the whole process: each runner made later forwards to one of each, beside those it is given itself.
 *
 * What is registered is how to make one, as every runner ends its own. The registry lies under a symbol on `globalThis`,
 * so that two copies of this package in one process share it. It has nothing to do with OpenTelemetry's providers.
 */
const key = Symbol.for("spanloom.exporters");

type Registry = Map<string, () => Exporter>;

function registry(): Registry {
  const holder = globalThis as { [key]?: Registry };
  holder[key] ??= new Map();
  return holder[key];
}

/**
 * Registers an exporter for all runners made from now on; gives a function that ends it for later ones.
 *
 * One is made at once, so that options out of their domain are refused here. Another of the same name and destination
 * takes its place.
 *
 * Errors: whatever making one throws.
 */
export function registerExporter(create: () => Exporter): () => void {
  const sample = create();
  const { name, destination = "" } = sample;
  // It has sent nothing and holds nothing that could fail to be given back.
  void sample.shutdown().catch(() => undefined);
  const id = `${name} ${destination}`;
  registry().set(id, create);
  return () => {
    if (registry().get(id) === create) registry().delete(id);
  };
}

/** A new exporter of each kind that is registered; whoever asks shuts them down. */
export function registeredExporters(): Exporter[] {
  return [...registry().values()].map((create) => create());
}

import { choiceOf, type Environment, shapeOptionsOf, variableOf, withDefaults } from "@spanloom/exporter";
import type { OtlpPresetOptions, OtlpProtocol } from "@spanloom/exporter/otlp";

/** Where in Honeycomb to send, and as whom. */
export interface HoneycombOptions extends OtlpPresetOptions {
  /** An ingest key. */
  readonly apiKey?: string | undefined;
  /** Dataset; only Honeycomb Classic needs it, others take `service.name` for spans. */
  readonly dataset?: string | undefined;
  /** Default `us`. */
  readonly region?: "us" | "eu" | undefined;
  /** Default `http/protobuf`. */
  readonly protocol?: OtlpProtocol | undefined;
}

/** Options over `HONEYCOMB_API_KEY`, `HONEYCOMB_DATASET`, `HONEYCOMB_REGION` and `HONEYCOMB_API_ENDPOINT`. */
export function honeycombOptionsFromEnv(env: Environment, options: HoneycombOptions = {}): HoneycombOptions {
  const fromEnv: HoneycombOptions = {
    apiKey: variableOf(env, "HONEYCOMB_API_KEY")?.value,
    dataset: variableOf(env, "HONEYCOMB_DATASET")?.value,
    region: choiceOf(variableOf(env, "HONEYCOMB_REGION"), ["us", "eu"]),
    // A region that is given beats an address of the environment.
    endpoint: options.region === undefined ? variableOf(env, "HONEYCOMB_API_ENDPOINT")?.value : undefined,
  };
  return { ...withDefaults(options, fromEnv), shape: shapeOptionsOf(env, options.shape) };
}

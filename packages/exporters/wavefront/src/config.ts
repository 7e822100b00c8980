import { type Environment, type ShapeOptions, shapeOptionsOf, variableOf, withDefaults } from "@spanloom/exporter";
import type { OtlpPresetOptions, OtlpProtocol } from "@spanloom/exporter/otlp";

/** Which Wavefront proxy to send to. The proxy has the API token, and sends on. */
export interface WavefrontOptions extends OtlpPresetOptions {
  /** Name of the application in Wavefront, unless the resource has an `application` of its own. */
  readonly application?: string | undefined;
  /** Whether the proxy takes log records, too. Default false. */
  readonly sendLogs?: boolean | undefined;
  /** Default `http/protobuf`. */
  readonly protocol?: OtlpProtocol | undefined;
}

/** Options over `WAVEFRONT_PROXY_URL` and `WAVEFRONT_APPLICATION`. */
export function wavefrontOptionsFromEnv(env: Environment, options: WavefrontOptions = {}): WavefrontOptions {
  const fromEnv: WavefrontOptions = {
    endpoint: variableOf(env, "WAVEFRONT_PROXY_URL")?.value,
    application: variableOf(env, "WAVEFRONT_APPLICATION")?.value,
  };
  return { ...withDefaults(options, fromEnv), shape: shapeOptionsOf(env, options.shape) };
}

/** The shape with the application among the attributes of resources. */
export function withApplication({ shape, application }: WavefrontOptions): ShapeOptions | undefined {
  if (application === undefined) return shape;
  return { ...shape, resourceAttributes: { application, ...shape?.resourceAttributes } };
}

import { type OptionVariables, type ShapeOptions, textFrom } from "@spanloom/exporter";
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

/** The variables of {@link WavefrontOptions}. */
export const wavefrontVariables: OptionVariables<WavefrontOptions> = {
  endpoint: textFrom("WAVEFRONT_PROXY_URL"),
  application: textFrom("WAVEFRONT_APPLICATION"),
};

/** The shape with the application among the attributes of resources. */
export function withApplication({ shape, application }: WavefrontOptions): ShapeOptions | undefined {
  if (application === undefined) return shape;
  return { ...shape, resourceAttributes: { application, ...shape?.resourceAttributes } };
}

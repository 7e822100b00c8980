import { type OptionVariables, textFrom } from "@spanloom/exporter";
import type { OtlpPresetOptions, OtlpProtocol } from "@spanloom/exporter/otlp";

/** Which Jaeger to send to. */
export interface JaegerOptions extends OtlpPresetOptions {
  /** Default `http/protobuf`. */
  readonly protocol?: OtlpProtocol | undefined;
}

/** The variables of {@link JaegerOptions}. */
export const jaegerVariables: OptionVariables<JaegerOptions> = {
  endpoint: textFrom("JAEGER_ENDPOINT"),
};

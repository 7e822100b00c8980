import { choiceFrom, type OptionVariables, textFrom } from "@spanloom/exporter";
import type { OtlpPresetOptions, OtlpProtocol } from "@spanloom/exporter/otlp";

/** Regions of New Relic; `gov` is FedRAMP. */
export const newRelicRegions = ["us", "eu", "jp", "gov"] as const;

/** Where in New Relic to send, and as whom. */
export interface NewRelicOptions extends OtlpPresetOptions {
  /** The license key of the account. */
  readonly licenseKey?: string | undefined;
  /** Default: what the license key says, which begins with `eu`, `jp` or `gov` for accounts there. */
  readonly region?: (typeof newRelicRegions)[number] | undefined;
  /** Default `http/protobuf`, which New Relic recommends. */
  readonly protocol?: OtlpProtocol | undefined;
}

/** The variables of {@link NewRelicOptions}; a region that is given beats an address of the environment. */
export const newRelicVariables: OptionVariables<NewRelicOptions> = {
  licenseKey: textFrom("NEW_RELIC_LICENSE_KEY"),
  region: choiceFrom(newRelicRegions, "NEW_RELIC_REGION"),
  endpoint: { ...textFrom("NEW_RELIC_OTLP_ENDPOINT"), unlessGiven: "region" },
};

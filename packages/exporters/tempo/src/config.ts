import { invalidOption, type OptionVariables, textFrom } from "@spanloom/exporter";
import type { OtlpPresetOptions, OtlpProtocol } from "@spanloom/exporter/otlp";

/** Which Tempo to send to, and as whom. */
export interface TempoOptions extends OtlpPresetOptions {
  /** Tenant, where Tempo has several; the header `X-Scope-OrgID`. */
  readonly tenant?: string | undefined;
  /** User and password of a proxy in front of Tempo; for Grafana Cloud, the instance's number and a token. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Default `http/protobuf`. */
  readonly protocol?: OtlpProtocol | undefined;
}

/** The variables of {@link TempoOptions}. */
export const tempoVariables: OptionVariables<TempoOptions> = {
  endpoint: textFrom("TEMPO_ENDPOINT"),
  tenant: textFrom("TEMPO_TENANT"),
  username: textFrom("TEMPO_USERNAME"),
  password: textFrom("TEMPO_PASSWORD"),
};

/** The headers of a tenant and user. Errors: INVALID_FIELD for a tenant that Tempo would refuse. */
export function tempoHeaders({ tenant, username, password = "" }: TempoOptions): Record<string, string> {
  if (tenant !== undefined && (!/^[0-9A-Za-z!\-_.*'()]{1,150}$/.test(tenant) || /^\.\.?$/.test(tenant)))
    throw invalidOption("tenant", tenant, "is not 1 to 150 letters, digits or !-_.*'()");
  return {
    ...(tenant !== undefined && { "x-scope-orgid": tenant }),
    ...(username !== undefined && {
      authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`,
    }),
  };
}

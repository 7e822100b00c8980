import type { AwsCredentialIdentity, Provider } from "@smithy/types";
import { choiceFrom, invalidOption, type OptionVariables, required, textFrom } from "@spanloom/exporter";
import type { OtlpPresetOptions } from "@spanloom/exporter/otlp";

/** Where in AWS to send, and as whom. */
export interface XrayOptions extends OtlpPresetOptions {
  /** Region, e.g. `eu-central-1`. */
  readonly region?: string | undefined;
  /** Default: AWS's chain of environment, shared files, SSO, web identity, container and instance. */
  readonly credentials?: AwsCredentialIdentity | Provider<AwsCredentialIdentity> | undefined;
  /** Group and stream of CloudWatch Logs for log records, which must exist. Without them log records are left out. */
  readonly logGroup?: string | undefined;
  readonly logStream?: string | undefined;
  /**
   * `w3c`: trace ids as they are; AWS asks nothing else of its OTLP endpoint. `epoch`: those that tell their time, as the
   * ids of jobs do, begin with its seconds, which is what X-Ray's own ids look like; some tools look a trace up by that.
   * Other processes of the trace, and Spanloom, still know it by the id it has. Default `w3c`.
   */
  readonly traceIds?: "w3c" | "epoch" | undefined;
}

/** The variables of {@link XrayOptions}; AWS's own chain reads those of credentials. */
export const xrayVariables: OptionVariables<XrayOptions> = {
  region: textFrom("AWS_REGION", "AWS_DEFAULT_REGION"),
  logGroup: textFrom("AWS_XRAY_LOG_GROUP"),
  logStream: textFrom("AWS_XRAY_LOG_STREAM"),
  traceIds: choiceFrom(["w3c", "epoch"], "AWS_XRAY_TRACE_IDS"),
};

/** The OTLP endpoints of a region. Errors: INVALID_FIELD when it is missing or cannot be the name of one. */
export function xrayEndpoints(options: XrayOptions): { traces: string; logs: string } {
  const region = required(options.region, "region", "AWS_REGION");
  if (!/^[a-z0-9-]+$/.test(region)) throw invalidOption("region", region, "is not the name of a region");
  if (options.endpoint !== undefined) {
    const base = options.endpoint.replace(/\/$/, "");
    return { traces: `${base}/v1/traces`, logs: `${base}/v1/logs` };
  }
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return { traces: `https://xray.${region}.${domain}/v1/traces`, logs: `https://logs.${region}.${domain}/v1/logs` };
}

import { configureExporter, type Environment, optionsFromEnv, required } from "@spanloom/exporter";
import { OtlpExporter } from "@spanloom/exporter/otlp";
import { type XrayOptions, xrayEndpoints, xrayVariables } from "./config.ts";
import { withEpochTraceIds } from "./epoch-trace-id.ts";
import { requestSigner } from "./request-signer.ts";

/** X-Ray takes 10,000 spans and 5 MB in a request, uncompressed; sizes here are estimates. */
const MAX_REQUEST_RECORDS = 10_000;
const MAX_REQUEST_BYTES = 3_500_000;

/**
 * Sends spans to AWS X-Ray, and log records to CloudWatch Logs where they have a group, as signed OTLP over HTTP.
 *
 * Errors: INVALID_FIELD when the region is missing, only one of log group and stream is given, or an option is out of its
 * domain. Credentials that cannot be had make `export` answer `retry`.
 */
export function xrayExporter(options: XrayOptions): OtlpExporter {
  const { region, credentials, logGroup, logStream, traceIds, endpoint: _endpoint, ...connection } = options;
  const endpoints = xrayEndpoints(options);
  const logHeaders = logHeadersOf(options);
  return new OtlpExporter(
    {
      compression: "gzip",
      ...connection,
      traces: { endpoint: endpoints.traces },
      logs: { endpoint: endpoints.logs, headers: logHeaders ?? {} },
    },
    {
      backend: {
        name: "xray",
        account: logHeaders && `${logGroup} ${logStream}`,
        signals: logHeaders ? ["traces", "logs"] : ["traces"],
        maxRequestRecords: MAX_REQUEST_RECORDS,
        maxRequestBytes: MAX_REQUEST_BYTES,
        translate: traceIds === "epoch" ? withEpochTraceIds : undefined,
        authorize: requestSigner(required(region, "region", "AWS_REGION"), credentials),
      },
    },
  );
}

function logHeadersOf({ logGroup, logStream }: XrayOptions): Record<string, string> | undefined {
  if (logGroup === undefined && logStream === undefined) return undefined;
  return {
    "x-aws-log-group": required(logGroup, "logGroup", "AWS_XRAY_LOG_GROUP"),
    "x-aws-log-stream": required(logStream, "logStream", "AWS_XRAY_LOG_STREAM"),
  };
}

/**
 * As {@link xrayExporter}, configured by the environment; options beat it.
 *
 * Errors: INVALID_FIELD naming the variable or option that is missing or malformed.
 */
export function exporterFromEnv(env: Environment, options: XrayOptions = {}): OtlpExporter {
  return xrayExporter(optionsFromEnv(xrayVariables, env, options));
}

/**
 * Sends what every runner of this process traces to AWS X-Ray, too: one line before the runner is made. Options beat the
 * environment. Gives a function that ends it for runners made later.
 *
 * Errors: as {@link exporterFromEnv}.
 */
export function configureXray(options: XrayOptions = {}): () => void {
  return configureExporter((env) => exporterFromEnv(env, options));
}

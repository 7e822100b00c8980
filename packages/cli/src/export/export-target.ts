import { join } from "node:path";
import { type Exporter, importExporter, shapeOptionsOf } from "@spanloom/exporter";
import { OtlpExporter, otlpOptionsFromEnv } from "@spanloom/exporter/otlp";
import { type CliContext, UsageError } from "../cli-context.ts";

/**
 * What `--to` names: a URL takes OTLP, as `otlp` does where OTEL_EXPORTER_OTLP_ENDPOINT says; anything else is an
 * exporter's package or module, configured by its variables.
 *
 * Errors: INVALID_FIELD for what is not installed, is no exporter or is configured wrongly.
 */
export async function exportTarget(to: string, { env }: CliContext): Promise<Exporter> {
  const isUrl = /^https?:\/\//i.test(to);
  if (isUrl || to === "otlp") {
    const options = isUrl ? { endpoint: to } : {};
    return new OtlpExporter({ ...otlpOptionsFromEnv(env, options), shape: shapeOptionsOf(env, undefined) });
  }
  if (/^[a-z]+:\/\//i.test(to))
    throw new UsageError(`cannot use --to "${to}": a URL must begin with http:// or https://, that of gRPC too`);
  const folder = process.cwd();
  const besides = [join(folder, "package.json"), import.meta.filename];
  const { exporterFromEnv } = await importExporter(to, { folder, besides });
  return exporterFromEnv(env);
}

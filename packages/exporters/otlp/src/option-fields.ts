import { exporterFields, type OptionFields, otlpSignalFields } from "@spanloom/exporter";
import type { OtlpExporterOptions } from "@spanloom/exporter/otlp";

/** The options of a configuration file. */
export const optionFields: OptionFields<OtlpExporterOptions> = {
  ...otlpSignalFields,
  ...exporterFields,
  traces: { fields: otlpSignalFields },
  logs: { fields: otlpSignalFields },
};

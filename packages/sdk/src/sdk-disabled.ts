/**
 * Whether OpenTelemetry is switched off for the whole process: OTEL_SDK_DISABLED is `true`, in any case.
 *
 * The variable is read here, and not by each program, as it is meant for programs that know nothing of it.
 * Source: OpenTelemetry, environment variable specification, general SDK configuration.
 */
export function isSdkDisabled(): boolean {
  return process.env.OTEL_SDK_DISABLED?.trim().toLowerCase() === "true";
}

import type { OtlpPayload } from "../telemetry/telemetry.ts";

/** Instrumentation scope of all self-tracing spans, by which they are known wherever they come back. */
export const SELF_TRACING_SCOPE = "spanloom.self-tracing";

const scopeBytes = Buffer.from(SELF_TRACING_SCOPE);

/**
 * Whether payloads hold spans of self-tracing, whichever server's: the name of their scope is looked for in the encoded
 * bytes. Of telemetry that only mentions the name it says so, too, and then that is not traced.
 */
export function holdsSelfTracing(payloads: readonly OtlpPayload[]): boolean {
  return payloads.some(({ bytes }) =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(scopeBytes),
  );
}

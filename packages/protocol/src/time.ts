import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema, type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";

/**
 * Times inside Spanloom are numbers of microseconds since the Unix epoch: exact in a double until the year 2255,
 * and free of the cost of bigint. Only the wire and the telemetry store know nanoseconds.
 */

/** Microseconds since the epoch as a protobuf timestamp; null and undefined stay absent. */
export function timestampFromUs(us: number | null | undefined): Timestamp | undefined {
  if (us === null || us === undefined) return undefined;
  const seconds = Math.floor(us / 1e6);
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos: Math.round((us - seconds * 1e6) * 1000) });
}

/** A protobuf timestamp as microseconds since the epoch, cut to whole ones. */
export function usFromTimestamp(timestamp: Timestamp): number {
  return Number(timestamp.seconds) * 1e6 + Math.floor(timestamp.nanos / 1000);
}

/** Milliseconds as a protobuf duration. */
export function durationFromMs(ms: number): Duration {
  const seconds = Math.trunc(ms / 1000);
  return create(DurationSchema, { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) });
}

/** A protobuf duration as milliseconds, fractions kept. */
export function msFromDuration(duration: Duration): number {
  return Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}

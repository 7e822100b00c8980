import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { isUuid, type Limits } from "@spanloom/protocol";
import { checkLimit, invalidField, optionalDurationMs, optionalTimestampUs } from "../engine/field.ts";
import { quote } from "../engine/version.ts";

/** An empty answer a little before the client gives up is worth more to it than a deadline error. */
const DEADLINE_MARGIN_MS = 100;

/** Reads a field that names something by UUID; upper case is accepted. */
export function uuidField(field: string, value: string): string {
  const id = value.toLowerCase();
  if (!isUuid(id)) throw invalidField(field, `is ${quote(value)}, not a UUID`);
  return id;
}

/** Reads the size of a page: the default for 0, else at most the limit. */
export function pageSizeField(value: number, limits: Limits): number {
  checkLimit("page_size", value, limits.maxPageSize, "entries");
  return value === 0 ? limits.defaultPageSize : value;
}

/** Reads how long to wait, in milliseconds: 0 when absent, at most what the server and the client's deadline allow. */
export function waitMsField(wait: Duration | undefined, limits: Limits, timeoutMs: number | undefined): number {
  const asked = optionalDurationMs("wait", wait) ?? 0;
  const left = timeoutMs === undefined ? Number.POSITIVE_INFINITY : timeoutMs - DEADLINE_MARGIN_MS;
  return Math.max(0, Math.min(asked, limits.maxWaitMs, left));
}

/** Reads the length of a lease in milliseconds: the default when absent. */
export function leaseMsField(lease: Duration | undefined, limits: Limits): number {
  const bounds = { minMs: limits.minLeaseMs, maxMs: limits.maxLeaseMs };
  return optionalDurationMs("lease_duration", lease, bounds) ?? limits.defaultLeaseMs;
}

/** Reads a time in microseconds, when there is one. */
export function timeField(field: string, value: Timestamp | undefined): number | undefined {
  return optionalTimestampUs(field, value);
}

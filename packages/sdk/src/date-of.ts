import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampFromUs, usFromTimestamp } from "@spanloom/protocol";

/** A timestamp of the protocol as a Date; undefined stays so. */
export function dateOf(timestamp: Timestamp | undefined): Date | undefined {
  return timestamp && new Date(usFromTimestamp(timestamp) / 1000);
}

/** A Date as a timestamp of the protocol; undefined stays so. */
export function timestampOf(date: Date | undefined): Timestamp | undefined {
  return timestampFromUs(date && date.getTime() * 1000);
}

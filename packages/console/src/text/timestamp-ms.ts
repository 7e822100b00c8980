import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { usFromTimestamp } from "@spanloom/protocol";

/** A timestamp of the protocol in milliseconds, with what is below as a fraction; undefined stays so. */
export function timestampMs(timestamp: Timestamp | undefined): number | undefined {
  return timestamp && usFromTimestamp(timestamp) / 1_000;
}

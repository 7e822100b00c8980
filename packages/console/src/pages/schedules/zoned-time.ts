import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampMs } from "../../text/timestamp-ms.ts";

/** A time by the clocks of another place, such as `02:00 in Europe/Berlin`; empty where those are the reader's own. */
export function zonedTime(at: Timestamp, zone: string, readers: string = ownZone()): string {
  const ms = timestampMs(at);
  if (ms === undefined || zone === readers) return "";
  try {
    const clock = (timeZone: string) =>
      new Date(ms).toLocaleTimeString("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" });
    return clock(zone) === clock(readers) ? "" : `${clock(zone)} in ${zone}`;
  } catch {
    return ""; // A zone that this browser does not know: the reader's own time stands beside it.
  }
}

function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { useNow } from "../state/now.ts";
import { durationText } from "../text/duration-text.ts";
import { exactTime, relativeTime } from "../text/time-text.ts";
import { timestampMs } from "../text/timestamp-ms.ts";

/** When something was, told from now; the exact time shows when pointed at. */
export function RelativeTime({ at }: { at: Timestamp | undefined }) {
  const now = useNow();
  const ms = timestampMs(at);
  if (ms === undefined) return <span className="quiet">–</span>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={exactTime(ms)}>
      {relativeTime(ms, now)}
    </time>
  );
}

/** How long something took, or takes by now when it has not ended. */
export function Duration({ from, to }: { from: Timestamp | undefined; to: Timestamp | undefined }) {
  const now = useNow();
  const fromMs = timestampMs(from);
  if (fromMs === undefined) return <span className="quiet">–</span>;
  const toMs = timestampMs(to);
  const exact = `${exactTime(fromMs)} – ${toMs === undefined ? "now" : exactTime(toMs)}`;
  return <span title={exact}>{durationText(Math.max(0, (toMs ?? roundUp(now, fromMs)) - fromMs))}</span>;
}

/** Whole seconds while it runs, so that the figure does not jump. */
function roundUp(nowMs: number, fromMs: number): number {
  return fromMs + Math.floor(Math.max(0, nowMs - fromMs) / 1_000) * 1_000;
}

import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { useNow } from "../state/now.ts";
import { durationText, secondsText } from "../text/duration-text.ts";
import { exactTime, relativeTime, secondTime } from "../text/time-text.ts";
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

/** When something was or will be, to the second, where the reader is. */
export function ExactTime({ at }: { at: Timestamp | undefined }) {
  const ms = timestampMs(at);
  if (ms === undefined) return <span className="quiet">–</span>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={exactTime(ms)}>
      {secondTime(ms)}
    </time>
  );
}

/** How long something took, or takes by now when it has not ended. */
export function Duration({ from, to }: { from: Timestamp | undefined; to: Timestamp | undefined }) {
  const [fromMs, toMs] = [timestampMs(from), timestampMs(to)];
  if (fromMs === undefined) return <span className="quiet">–</span>;
  if (toMs === undefined) return <ElapsedTime fromMs={fromMs} />;
  const exact = `${exactTime(fromMs)} – ${exactTime(toMs)}`;
  return <span title={exact}>{durationText(Math.max(0, toMs - fromMs))}</span>;
}

/** How long something takes that has not ended. */
export function ElapsedTime({ fromMs }: { fromMs: number }) {
  const now = useNow();
  return <span title={`since ${exactTime(fromMs)}`}>{secondsText(now - fromMs)}</span>;
}

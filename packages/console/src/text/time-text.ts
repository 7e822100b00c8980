import { durationText } from "./duration-text.ts";

/** What is this close to now is called so: clocks of browser and server differ. */
const NOW_MS = 2_000;
/** What is longer ago is told by its date. */
const DAYS_MS = 7 * 86_400_000;

/** How long ago or ahead a time is, such as `3m ago`; the date alone when it is far. */
export function relativeTime(timeMs: number, nowMs: number): string {
  const ago = nowMs - timeMs;
  if (Math.abs(ago) < NOW_MS) return "now";
  if (Math.abs(ago) > DAYS_MS) return localDate(new Date(timeMs));
  const [length = ""] = durationText(Math.floor(Math.abs(ago) / 1_000) * 1_000).split(" ");
  const short = length.replace(/\.\d+s$/, "s");
  return ago > 0 ? `${short} ago` : `in ${short}`;
}

/** The date where the reader is, written so that no month is taken for a day. */
function localDate(date: Date): string {
  const [month, day] = [date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0"));
  return `${date.getFullYear()}-${month}-${day}`;
}

/** A time to the millisecond where the reader is, with the offset from UTC. */
export function exactTime(timeMs: number): string {
  return new Date(timeMs).toLocaleString(undefined, {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    fractionalSecondDigits: 3,
    timeZoneName: "shortOffset",
  });
}

/** The time of day to the millisecond where the reader is. */
export function clockTime(timeMs: number): string {
  return `${clock(new Date(timeMs))}.${String(new Date(timeMs).getMilliseconds()).padStart(3, "0")}`;
}

/** A time to the second where the reader is: `2026-11-21 14:03:07`. */
export function secondTime(timeMs: number): string {
  return `${localDate(new Date(timeMs))} ${clock(new Date(timeMs))}`;
}

function clock(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

/** How far a server's clock is from the reader's; what is within a few seconds no answer can tell. */
export function skewText(aheadMs: number): string {
  if (Math.abs(aheadMs) < NOW_MS) return "agrees with this browser's";
  const side = aheadMs > 0 ? "ahead of" : "behind";
  return `${durationText(Math.abs(aheadMs))} ${side} this browser's; ages are told by the server's`;
}

/** A stretch of time through which the clocks of a zone keep one offset. Units: epoch seconds, and seconds. */
export interface ZoneSegment {
  startSeconds: number;
  /** The first second that is no longer in it. */
  endSeconds: number;
  /** What local clocks are ahead of UTC. */
  offsetSeconds: number;
  /** What they were ahead just before it: more where clocks went back, less where they went forward. */
  offsetBeforeSeconds: number;
}

/** Clocks are looked at in chunks of 128 days, every four days: no two changes of a zone were ever closer since 1970. */
const PROBE_SECONDS = 4 * 86_400;
const CHUNK_SECONDS = 32 * PROBE_SECONDS;

/** What is known of a zone. A chunk takes some 100 microseconds to find. */
interface Zone {
  format: Intl.DateTimeFormat;
  /** By number, counted from the epoch. */
  chunks: Map<number, readonly ZoneSegment[]>;
}

const zones = new Map<string, Zone>();

/** Zones are few by nature, but for the spellings of their names. */
const MAX_ZONES = 1_000;

const UTC: ZoneSegment = {
  startSeconds: Number.NEGATIVE_INFINITY,
  endSeconds: Number.POSITIVE_INFINITY,
  offsetSeconds: 0,
  offsetBeforeSeconds: 0,
};

/**
 * The stretch around a second in which a zone's clocks do not change; it may end where they do not change, too.
 *
 * Errors: RangeError when the zone is unknown.
 */
export function zoneSegmentAt(timeZone: string, seconds: number): ZoneSegment {
  if (timeZone === "UTC") return UTC;
  const zone = zones.get(timeZone) ?? addZone(timeZone);
  const chunk = Math.floor(seconds / CHUNK_SECONDS);
  let segments = zone.chunks.get(chunk);
  if (segments === undefined) {
    segments = findSegments(zone.format, chunk * CHUNK_SECONDS);
    zone.chunks.set(chunk, segments);
  }
  return segments.find(({ endSeconds }) => seconds < endSeconds)!;
}

function addZone(timeZone: string): Zone {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const zone: Zone = { format, chunks: new Map() };
  if (zones.size >= MAX_ZONES) zones.clear();
  zones.set(timeZone, zone);
  return zone;
}

function findSegments(format: Intl.DateTimeFormat, chunkStart: number): ZoneSegment[] {
  const segments: ZoneSegment[] = [];
  let startSeconds = chunkStart;
  let offsetBeforeSeconds = offsetAt(format, chunkStart - 1);
  let offsetSeconds = offsetAt(format, chunkStart);
  const chunkEnd = chunkStart + CHUNK_SECONDS;
  for (let probe = chunkStart; probe < chunkEnd; probe += PROBE_SECONDS) {
    const offsetAfter = offsetAt(format, probe + PROBE_SECONDS);
    if (offsetAfter === offsetSeconds) continue;
    const endSeconds = firstSecondOf(format, offsetAfter, probe, probe + PROBE_SECONDS);
    // A change right at the end belongs to the next chunk.
    if (endSeconds === chunkEnd) break;
    segments.push({ startSeconds, endSeconds, offsetSeconds, offsetBeforeSeconds });
    startSeconds = endSeconds;
    offsetBeforeSeconds = offsetSeconds;
    offsetSeconds = offsetAfter;
  }
  segments.push({ startSeconds, endSeconds: chunkEnd, offsetSeconds, offsetBeforeSeconds });
  return segments;
}

/** The second between two at which clocks change to an offset. */
function firstSecondOf(format: Intl.DateTimeFormat, offset: number, before: number, after: number): number {
  let [low, high] = [before, after];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(format, middle) === offset) high = middle;
    else low = middle;
  }
  return high;
}

function offsetAt(format: Intl.DateTimeFormat, seconds: number): number {
  const local: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(seconds * 1000)) local[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = local;
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - seconds;
}

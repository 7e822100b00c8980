import { Cron } from "croner";
import { invalidField } from "../field.ts";
import { quote } from "../version.ts";
import { zoneSegmentAt } from "./zone-offsets.ts";

/** No pattern that means something is longer. */
const MAX_EXPRESSION_LENGTH = 256;

/** Names that stand for a pattern. `@reboot` is none: a schedule outlives every server. */
const NICKNAMES = new Set(["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"]);

/** Patterns kept parsed: one takes 83 KB, its parsing 20 microseconds. */
const MAX_PATTERNS = 512;

/**
 * Patterns in zones of which the last answers are kept, and how many of each.
 *
 * Schedules of one pattern are due together and ask for the same next times, each of which takes 3 to 20 microseconds.
 */
const MAX_ZONED = 10_000;
const MAX_ANSWERS = 64;

/** A pattern, which knows no zone: it matches what clocks show, as if there were no offsets. */
interface CronPattern {
  cron: Cron;
  /** Neither seconds, minutes nor hours have `*` or a step. */
  fixed: boolean;
}

const patterns = new Map<string, CronPattern>();

/** Next second by the second after which it was asked for, by zone and pattern. */
const answers = new Map<string, Map<number, number>>();

/**
 * Refuses a cron expression or time zone that means nothing, and a pattern that no date ever matches.
 *
 * Errors: INVALID_FIELD naming `field`.
 */
export function checkCron(expression: string, timeZone: string, field: string): void {
  checkFields(expression, `${field}.expression`);
  checkTimeZone(timeZone, `${field}.time_zone`);
  const problem = problemOf(expression);
  if (problem !== undefined) throw invalidField(`${field}.expression`, `is ${quote(expression)}: ${problem}`);
}

/**
 * The first second strictly after `after` at which the clocks of a zone match a checked pattern; undefined when none does.
 *
 * Where clocks go forward, a fixed time that they leave out is the first second that follows; where they go back, a fixed
 * time is its first occurrence. Fixed is a pattern whose seconds, minutes and hours have neither `*` nor a step; any other
 * skips what is left out, and matches in both of the hours that clocks show twice.
 *
 * The parser's own handling of zones is not used: it loses 23:30 where clocks go from 23:00 to 0:00 (Nuuk, every March),
 * and takes five to ten times as long.
 *
 * Units: epoch seconds.
 */
export function nextCronSecond(expression: string, timeZone: string, after: number): number | undefined {
  const key = `${timeZone} ${expression}`;
  const known = answers.get(key) ?? keep(answers, key, new Map<number, number>(), MAX_ZONED);
  const answer = known.get(after);
  if (answer !== undefined) return answer;
  const next = nextInZone(patternOf(expression), timeZone, after);
  if (next !== undefined) keep(known, after, next, MAX_ANSWERS);
  return next;
}

function nextInZone(pattern: CronPattern, timeZone: string, after: number): number | undefined {
  let segment = zoneSegmentAt(timeZone, after);
  let from = after;
  for (;;) {
    const { startSeconds, endSeconds, offsetSeconds, offsetBeforeSeconds } = segment;
    // What clocks show for the second time has had its fixed times.
    if (pattern.fixed) from = Math.max(from, startSeconds + offsetBeforeSeconds - offsetSeconds - 1);
    const shown = pattern.cron.nextRun(new Date((from + offsetSeconds) * 1000));
    if (shown === null) return undefined;
    const next = shown.getTime() / 1000 - offsetSeconds;
    if (next < endSeconds) return next;
    segment = zoneSegmentAt(timeZone, endSeconds);
    const leftOut = segment.offsetSeconds - offsetSeconds;
    if (pattern.fixed && next < endSeconds + leftOut) return endSeconds;
    from = endSeconds - 1;
  }
}

/** Why no schedule can have an expression; undefined when one can. */
function problemOf(expression: string): string | undefined {
  try {
    return patternOf(expression).cron.nextRun(new Date(0)) ? undefined : "no date ever matches it";
  } catch (error) {
    // Whatever the parser says is about the expression.
    return (error as Error).message.replace(/^CronPattern: /, "");
  }
}

function patternOf(expression: string): CronPattern {
  const known = patterns.get(expression);
  if (known !== undefined) return known;
  const fields = expression.split(" ");
  // The last three are of dates; a name stands for fixed times, but for one.
  const ofTime = fields.length === 1 ? (expression === "@hourly" ? "*" : "") : fields.slice(0, -3).join(" ");
  const cron = new Cron(expression, { utcOffset: 0, mode: "5-or-6-parts", paused: true });
  return keep(patterns, expression, { cron, fixed: !/[*?/]/.test(ofTime) }, MAX_PATTERNS);
}

/** Keeps a value, instead of the oldest when there are too many. */
function keep<Key, Value>(kept: Map<Key, Value>, key: Key, value: Value, limit: number): Value {
  const [oldest] = kept.size >= limit ? kept.keys() : [];
  if (oldest !== undefined) kept.delete(oldest);
  kept.set(key, value);
  return value;
}

/** Counts fields here: the parser would take a date for a pattern, too, and tell of years, which are not served. */
function checkFields(expression: string, field: string): void {
  if (expression.length > MAX_EXPRESSION_LENGTH) {
    throw invalidField(field, `has ${expression.length} characters, limit ${MAX_EXPRESSION_LENGTH}`);
  }
  if (expression.startsWith("@")) {
    if (NICKNAMES.has(expression)) return;
    throw invalidField(field, `is ${quote(expression)}, allowed ${[...NICKNAMES].join(", ")}`);
  }
  const count = expression === "" ? 0 : expression.split(" ").length;
  if (count === 5 || count === 6) return;
  throw invalidField(field, `is ${quote(expression)}: it has ${count} fields, allowed 5 or 6`);
}

function checkTimeZone(timeZone: string, field: string): void {
  try {
    zoneSegmentAt(timeZone, 0);
  } catch {
    // It says no more than that the zone is unknown.
    throw invalidField(field, `is ${quote(timeZone)}, which is no IANA time zone`);
  }
}

/** A W3C trace parent. */
export interface SpanContextIds {
  /** 32 lower-case hex digits, not all zero. */
  traceId: string;
  /** 16 lower-case hex digits, not all zero. */
  spanId: string;
  /** Whether the caller records its trace. */
  sampled: boolean;
}

/**
 * Reads a `traceparent` header value. Malformed values and all-zero ids give undefined, as W3C asks; so does version ff.
 *
 * Source: W3C Trace Context level 2, section 3.2.
 */
export function parseTraceparent(value: string): SpanContextIds | undefined {
  const text = value.trim();
  const version = text.slice(0, 2);
  if (!isHex(text, 0, 2) || version === "ff" || (version === "00" && text.length > 55)) return undefined;
  if (!isId(text, 2, 34) || !isId(text, 35, 51) || !isHex(text, 53, 55) || text[52] !== DASH) return undefined;
  if (text.length > 55 && text[55] !== DASH) return undefined;
  const sampled = (Number.parseInt(text.slice(53, 55), 16) & 1) === 1;
  return { traceId: text.slice(3, 35), spanId: text.slice(36, 52), sampled };
}

const DASH = "-";

/** Whether a dash stands at `dash`, and after it to `end`, inclusive, lower-case hex that is not all 0. */
function isId(text: string, dash: number, end: number): boolean {
  if (text[dash] !== DASH || !isHex(text, dash + 1, end + 1)) return false;
  for (let i = dash + 1; i <= end; i++) if (text.charCodeAt(i) !== 0x30) return true;
  return false;
}

/** Whether `text[start, end)` is lower-case hex. A loop, as every attempt reads a trace parent: a pattern takes far longer. */
function isHex(text: string, start: number, end: number): boolean {
  if (text.length < end) return false;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (!((code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66))) return false;
  }
  return true;
}

/** Writes a `traceparent` header value. */
export function formatTraceparent({ traceId, spanId, sampled }: SpanContextIds): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

/** Which attempt a span belongs to, as carried in tracestate. */
export interface AttemptOrigin {
  /** The job. */
  jobId: string;
  /** The task. */
  taskId: string;
  /** Number of the attempt, from 1. */
  attempt: number;
}

const TRACESTATE_KEY = "spanloom";
const ORIGIN = /^([0-9a-f-]{36})_([0-9a-f-]{36})_([0-9]{1,10})$/;

/**
 * Puts the attempt in front of a tracestate.
 *
 * Every OpenTelemetry SDK hands tracestate on and exports it with each span, so a span from any process
 * in any language names the attempt it belongs to, and no lookup is needed when it arrives.
 */
export function withOrigin(tracestate: string, origin: AttemptOrigin): string {
  const own = `${TRACESTATE_KEY}=${origin.jobId}_${origin.taskId}_${origin.attempt}`;
  if (tracestate === "" || tracestate === own) return own;
  const others = fittingMembers(withoutOrigin(tracestate), MAX_TRACESTATE_LENGTH - own.length - 1);
  return [own, ...others.slice(0, MAX_MEMBERS - 1)].join(",");
}

/** Members of a tracestate besides ours, and of what was made of it for other attempts. */
function withoutOrigin(tracestate: string): string[] {
  return membersOf(tracestate).filter((member) => !member.startsWith(`${TRACESTATE_KEY}=`));
}

/** A tracestate as a job keeps it for its attempts, each of which has a member of its own in it. */
export function boundedTracestate(tracestate: string): string {
  if (tracestate.length <= MAX_TRACESTATE_LENGTH) return tracestate.trim();
  return fittingMembers(withoutOrigin(tracestate), MAX_TRACESTATE_LENGTH).join(",");
}

/** A baggage without the members that are too much. */
export function boundedBaggage(baggage: string): string {
  if (baggage.length <= MAX_BAGGAGE_LENGTH) return baggage.trim();
  return fittingMembers(membersOf(baggage), MAX_BAGGAGE_LENGTH).join(",");
}

/** What W3C asks everybody to carry, and what OpenTelemetry's SDKs take: of a longer tracestate they drop all. */
const MAX_TRACESTATE_LENGTH = 512;
const MAX_MEMBERS = 32;
const MAX_BAGGAGE_LENGTH = 8192;

function membersOf(list: string): string[] {
  return list
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "");
}

/** The members that fit, the first first; one that does not leaves its room to those after it. */
function fittingMembers(members: readonly string[], maxLength: number): string[] {
  let room = maxLength + 1;
  return members.filter((member) => {
    if (member.length + 1 > room) return false;
    room -= member.length + 1;
    return true;
  });
}

/** Reads the attempt from a tracestate; undefined when there is none or it is malformed. */
export function originOf(tracestate: string): AttemptOrigin | undefined {
  for (const member of tracestate.split(",")) {
    const text = member.trim();
    if (!text.startsWith(`${TRACESTATE_KEY}=`)) continue;
    const match = ORIGIN.exec(text.slice(TRACESTATE_KEY.length + 1));
    if (match) return { jobId: match[1]!, taskId: match[2]!, attempt: Number(match[3]) };
  }
  return undefined;
}

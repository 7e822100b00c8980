/** A W3C trace parent. */
export interface SpanContextIds {
  /** 32 lower-case hex digits, not all zero. */
  traceId: string;
  /** 16 lower-case hex digits, not all zero. */
  spanId: string;
  /** Whether the caller records its trace. */
  sampled: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * Reads a `traceparent` header value. Malformed values and all-zero ids give undefined, as W3C asks; so does version ff.
 *
 * Source: W3C Trace Context level 2, section 3.2.
 */
export function parseTraceparent(value: string): SpanContextIds | undefined {
  const match = TRACEPARENT.exec(value.trim());
  if (!match) return undefined;
  const [, version, traceId, spanId, flags, rest] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string | undefined,
  ];
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
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
  const others = tracestate
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "" && !member.startsWith(`${TRACESTATE_KEY}=`))
    .slice(0, 31);
  return [`${TRACESTATE_KEY}=${origin.jobId}_${origin.taskId}_${origin.attempt}`, ...others].join(",");
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

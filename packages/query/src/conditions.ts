import type { Outcome, SpanTypeName } from "@spanloom/protocol";

/** One value, or several of which any may match. An empty list matches nothing. */
export type OneOrMany<Value> = Value | readonly Value[];

/** How to compare text: equal to a plain string, or as the one key says. Comparisons are case-sensitive; `regex` is RE2, found anywhere. */
export type TextCondition =
  | string
  | { readonly exact: string }
  | { readonly prefix: string }
  | { readonly contains: string }
  | { readonly regex: string };

/** A point in time: a Date, or a bigint of epoch nanoseconds where milliseconds are too coarse. */
export type TimePoint = Date | bigint;

/** A half-open range of time: at or after `from`, before `to`. Either end may be absent. */
export interface TimeCondition {
  readonly from?: TimePoint;
  readonly to?: TimePoint;
}

/** A closed range of durations in milliseconds, fractions allowed. Open spans never match. */
export interface DurationCondition {
  readonly min?: number;
  readonly max?: number;
}

/**
 * A value an attribute is compared with.
 *
 * A `number` is compared by value with integer and floating-point attributes alike, a `bigint` with integers only.
 */
export type AttributeOperand = string | number | bigint | boolean;

/** How to compare an attribute: equal to a plain value, or as the keys say, all of which must hold. */
export type AttributeCondition =
  | AttributeOperand
  | {
      /** Same value. */
      readonly eq?: AttributeOperand;
      /** Present with another value. */
      readonly ne?: AttributeOperand;
      readonly lt?: string | number | bigint;
      readonly lte?: string | number | bigint;
      readonly gt?: string | number | bigint;
      readonly gte?: string | number | bigint;
      /** Text that contains this. */
      readonly contains?: string;
      /** Present with any value. */
      readonly exists?: true;
    };

/** Conditions on attributes by key. */
export type AttributeConditions = Readonly<Record<string, AttributeCondition>>;

/** OTLP span kind. */
export type SpanKindName = "INTERNAL" | "SERVER" | "CLIENT" | "PRODUCER" | "CONSUMER" | "UNSPECIFIED";

/** Status of a span. */
export type SpanStatusName = "UNSET" | "OK" | "ERROR";

/** OTLP severity: a short name, or a number 1..24. */
export type Severity = "TRACE" | "DEBUG" | "INFO" | "WARN" | "ERROR" | "FATAL" | number;

/** What can set a job going. */
export type TriggerTypeName = "manual" | "schedule" | "event" | "webhook" | "clone";

/** What set a job going. All that is given must hold. */
export interface TriggerCondition {
  readonly type?: OneOrMany<TriggerTypeName>;
  /** Names of schedules, fired by hand included. */
  readonly schedule?: OneOrMany<string>;
  /** Names of triggers. */
  readonly trigger?: OneOrMany<string>;
}

/** Conditions on spans. All that are given must hold; one that is undefined is absent. */
export interface SpanConditions {
  /** Job ids. */
  readonly job?: OneOrMany<string>;
  /** What set the job going, of any of its spans and logs; cannot be followed. */
  readonly trigger?: TriggerCondition;
  /** Task ids. */
  readonly task?: OneOrMany<string>;
  /** Trace ids, 32 hex digits. */
  readonly trace?: OneOrMany<string>;
  /** Span ids, 16 hex digits. */
  readonly span?: OneOrMany<string>;
  /** Span ids of direct parents, 16 hex digits. */
  readonly parent?: OneOrMany<string>;
  /** Span name. */
  readonly name?: OneOrMany<TextCondition>;
  /** What produced the span. */
  readonly type?: OneOrMany<SpanTypeName>;
  readonly kind?: OneOrMany<SpanKindName>;
  readonly status?: OneOrMany<SpanStatusName>;
  /** How a job, task or attempt ended. */
  readonly outcome?: OneOrMany<Outcome>;
  readonly queue?: OneOrMany<string>;
  /** Runner ids. */
  readonly runner?: OneOrMany<string>;
  /** `service.name` of the resource. */
  readonly service?: OneOrMany<string>;
  /** When the span started. */
  readonly start?: TimeCondition;
  /** How long it lasted. */
  readonly durationMs?: DurationCondition;
  /** Only open (true) or only ended (false) spans. */
  readonly open?: boolean;
  /** Span attributes. */
  readonly attributes?: AttributeConditions;
  /** Resource attributes. */
  readonly resource?: AttributeConditions;
  /** Name of any event. */
  readonly event?: TextCondition;
  /** Type or message of any exception event. */
  readonly exception?: TextCondition;
  /** All of these hold too. */
  readonly and?: readonly SpanConditions[];
  /** At least one of these holds. */
  readonly or?: readonly SpanConditions[];
  /** This does not hold. */
  readonly not?: SpanConditions;
}

/** Conditions on log records. All that are given must hold; one that is undefined is absent. */
export interface LogConditions {
  /** Job ids. */
  readonly job?: OneOrMany<string>;
  /** What set the job going, of any of its spans and logs; cannot be followed. */
  readonly trigger?: TriggerCondition;
  /** Task ids. */
  readonly task?: OneOrMany<string>;
  /** Trace ids, 32 hex digits. */
  readonly trace?: OneOrMany<string>;
  /** Span ids, 16 hex digits. */
  readonly span?: OneOrMany<string>;
  /** At least this severe. */
  readonly minSeverity?: Severity;
  /** Text of the record. */
  readonly body?: TextCondition;
  /** When the record was emitted; named as for spans, so that one range serves both. */
  readonly start?: TimeCondition;
  /** Runner ids. */
  readonly runner?: OneOrMany<string>;
  /** `service.name` of the resource. */
  readonly service?: OneOrMany<string>;
  /** Record attributes. */
  readonly attributes?: AttributeConditions;
  /** Resource attributes. */
  readonly resource?: AttributeConditions;
  /** All of these hold too. */
  readonly and?: readonly LogConditions[];
  /** At least one of these holds. */
  readonly or?: readonly LogConditions[];
  /** This does not hold. */
  readonly not?: LogConditions;
}

import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type ErrorDetail, ErrorDetailSchema, ErrorReason } from "./gen/spanloom/v1/error_pb.ts";

/** Name of an {@link ErrorReason}, without the enum's prefix. */
export type Reason = Exclude<keyof typeof ErrorReason, "UNSPECIFIED">;

/** What the catalogue says of one reason. */
export interface ErrorEntry {
  /** Connect code every error of this reason carries. */
  code: Code;
  /** Whether the same call may succeed later without a change. */
  retryable: boolean;
  /** One sentence for docs/errors.md. */
  summary: string;
}

/**
 * The error catalogue: every reason a Spanloom call can fail for.
 *
 * Kept equal to the proto enum and to docs/errors.md by tests.
 * Source: proto/spanloom/v1/error.proto ErrorReason.
 */
export const errorCatalogue: Readonly<Record<Reason, ErrorEntry>> = {
  INVALID_FIELD: entry(
    Code.InvalidArgument,
    "A field has a value outside its domain, or the request could not be decoded.",
  ),
  LIMIT_EXCEEDED: entry(Code.InvalidArgument, "A size or count is over its limit."),
  INVALID_DEPENDENCY: entry(Code.InvalidArgument, "A dependency names its own group, a later one or nothing at all."),
  INVALID_PAGE_TOKEN: entry(Code.InvalidArgument, "The page token was not issued for this listing."),
  UNSUPPORTED_QUERY: entry(Code.InvalidArgument, "The query asks for something this server cannot serve exactly."),
  JOB_NOT_FOUND: entry(Code.NotFound, "No job has this id."),
  TASK_NOT_FOUND: entry(Code.NotFound, "No task has this id."),
  RUNNER_NOT_FOUND: entry(Code.NotFound, "No runner has this id."),
  INVALID_STATE: entry(Code.FailedPrecondition, "The job or task is not in a state that allows this call."),
  UNAUTHENTICATED: entry(Code.Unauthenticated, "No token was sent, or one this server does not know."),
  PERMISSION_DENIED: entry(Code.PermissionDenied, "The token lacks the scope this call needs."),
  IDEMPOTENCY_CONFLICT: entry(Code.AlreadyExists, "The idempotency key was used with another request."),
  STALE_LEASE: entry(Code.Aborted, "The lease was lost to expiry, cancellation or another runner."),
  CONCURRENCY_REJECTED: entry(Code.Aborted, "A concurrency limit that rejects new work is full."),
  STORE_UNAVAILABLE: entry(Code.Unavailable, "The control-plane store cannot be reached or is busy.", true),
  TELEMETRY_UNAVAILABLE: entry(Code.Unavailable, "The telemetry store cannot be reached or is busy.", true),
  SHUTTING_DOWN: entry(Code.Unavailable, "The server is shutting down.", true),
  OVERLOADED: entry(Code.ResourceExhausted, "A bounded resource is full: spool, memory, connections or disk.", true),
  DEADLINE_EXCEEDED: entry(Code.DeadlineExceeded, "The call's deadline passed before it was done.", true),
  UNIMPLEMENTED: entry(Code.Unimplemented, "The call is declared in the protocol but not served by this server."),
  INTERNAL: entry(Code.Internal, "A defect in the server."),
  SCHEDULE_NOT_FOUND: entry(Code.NotFound, "No schedule has this name."),
  TRIGGER_NOT_FOUND: entry(Code.NotFound, "No trigger has this name."),
  EVENT_NOT_FOUND: entry(Code.NotFound, "No event has this id, or it is kept no longer."),
  WEBHOOK_NOT_FOUND: entry(Code.NotFound, "No webhook has this name."),
};

function entry(code: Code, summary: string, retryable = false): ErrorEntry {
  return { code, retryable, summary };
}

/** Facts beside the reason; see ErrorDetail in the protocol. */
export interface ErrorFacts {
  /** Path of the offending request field, e.g. `tasks.groups[2].depends_on`. */
  field?: string;
  /** The limit that was crossed. */
  limit?: number;
  /** The value that crossed it. */
  actual?: number;
  /** Further facts by name. */
  metadata?: Record<string, string>;
  /** Wait at least this long before trying again, in milliseconds. */
  retryAfterMs?: number;
}

/**
 * The one error class of Spanloom: thrown by the server's layers and by every client.
 *
 * Messages read "cannot X: Y" and quote the offending value.
 */
export class SpanloomError extends Error {
  override readonly name = "SpanloomError";
  /** Why, stable across releases. */
  readonly reason: Reason;
  /** Facts for programs. */
  readonly facts: ErrorFacts;

  constructor(reason: Reason, message: string, facts: ErrorFacts = {}, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
    this.facts = facts;
  }

  /** Connect code of the reason. */
  get code(): Code {
    return errorCatalogue[this.reason].code;
  }

  /** Whether the same call may succeed later without a change. */
  get retryable(): boolean {
    return errorCatalogue[this.reason].retryable;
  }
}

/** Details of an error as they travel. */
export function toErrorDetail(error: SpanloomError): ErrorDetail {
  const { field, limit, actual, metadata, retryAfterMs } = error.facts;
  return create(ErrorDetailSchema, {
    reason: ErrorReason[error.reason],
    field: field ?? "",
    metadata: metadata ?? {},
    ...(limit !== undefined && { limit: BigInt(limit) }),
    ...(actual !== undefined && { actual: BigInt(actual) }),
    ...(retryAfterMs !== undefined && { retryAfterMs: BigInt(Math.ceil(retryAfterMs)) }),
  });
}

/** The server's half of the translation: any error becomes a ConnectError with details. */
export function toConnectError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  const known =
    error instanceof SpanloomError
      ? error
      : new SpanloomError(
          "INTERNAL",
          `cannot serve the call: ${error instanceof Error ? error.message : String(error)}`,
          {},
          { cause: error },
        );
  return new ConnectError(
    known.message,
    known.code,
    undefined,
    [{ desc: ErrorDetailSchema, value: toErrorDetail(known) }],
    known,
  );
}

/** Reasons for errors that carry no details: made by a proxy, the transport or Connect itself. */
const reasonByCode: Partial<Record<Code, Reason>> = {
  [Code.InvalidArgument]: "INVALID_FIELD",
  [Code.Unauthenticated]: "UNAUTHENTICATED",
  [Code.PermissionDenied]: "PERMISSION_DENIED",
  [Code.Unavailable]: "STORE_UNAVAILABLE",
  [Code.ResourceExhausted]: "OVERLOADED",
  [Code.DeadlineExceeded]: "DEADLINE_EXCEEDED",
  [Code.Unimplemented]: "UNIMPLEMENTED",
  [Code.Aborted]: "STALE_LEASE",
  [Code.FailedPrecondition]: "INVALID_STATE",
};

/** The client's half: any failure of a call becomes a SpanloomError. */
export function fromConnectError(error: unknown): SpanloomError {
  if (error instanceof SpanloomError) return error;
  const connect = ConnectError.from(error);
  const detail = connect.findDetails(ErrorDetailSchema)[0];
  const reason = (detail && reasonName(detail.reason)) ?? reasonByCode[connect.code] ?? "INTERNAL";
  return new SpanloomError(reason, connect.rawMessage, detail ? toFacts(detail) : {}, { cause: error });
}

function toFacts(detail: ErrorDetail): ErrorFacts {
  return {
    ...(detail.field && { field: detail.field }),
    ...(detail.limit !== undefined && { limit: Number(detail.limit) }),
    ...(detail.actual !== undefined && { actual: Number(detail.actual) }),
    ...(Object.keys(detail.metadata).length > 0 && { metadata: detail.metadata }),
    ...(detail.retryAfterMs !== undefined && { retryAfterMs: Number(detail.retryAfterMs) }),
  };
}

function reasonName(reason: ErrorReason): Reason | undefined {
  const name = Object.entries(ErrorReason).find(([, value]) => value === reason)?.[0];
  return name !== undefined && name in errorCatalogue ? (name as Reason) : undefined;
}

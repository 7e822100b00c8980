/** Why a delivery was not taken, as metrics count it, and the status that its sender is told. */
export const refusalStatus = {
  /** No webhook has the name. */
  unknown: 404,
  /** The request is no POST. */
  method: 405,
  /** The signature is absent, malformed or of another secret; or a bearer token, where that is needed. */
  signature: 401,
  /** The signature's time is too far from now. */
  expired: 401,
  /** No signature could be verified, as a secret cannot be read here. */
  secret: 503,
  /** It is paused. */
  paused: 503,
  too_large: 413,
  /** The body's type or encoding is none that the webhook takes. */
  unsupported: 415,
  /** The body is not what its type says, was cut off or took too long, or no event can be made of it. */
  malformed: 400,
  /** Too many events wait. */
  busy: 429,
  /** The store cannot take it now, or the server stops. */
  unavailable: 503,
  /** A defect. */
  failed: 500,
} as const;

/** One of {@link refusalStatus}. */
export type RefusalReason = keyof typeof refusalStatus;

/** What the sender is told: the same whatever is wrong with a signature, so that nothing can be learnt by trying. */
const told: Readonly<Record<RefusalReason, string>> = {
  unknown: "no such webhook",
  method: "use POST",
  signature: "its signature cannot be verified",
  expired: "its signature cannot be verified",
  secret: "try again later",
  paused: "try again later",
  too_large: "its body is too large",
  unsupported: "its content type or encoding is not accepted",
  malformed: "its body cannot be read",
  busy: "try again later",
  unavailable: "try again later",
  failed: "a defect in the server",
};

/**
 * A delivery that is not taken. The message says precisely why and is for the log alone; it never holds a secret, a
 * signature or a part of the body.
 */
export class DeliveryRefusal extends Error {
  override readonly name = "DeliveryRefusal";
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, why: string, options?: { cause?: unknown }) {
    super(why, options);
    this.reason = reason;
  }

  get status(): number {
    return refusalStatus[this.reason];
  }

  /** What its sender is told. */
  get publicMessage(): string {
    return `cannot take the delivery: ${told[this.reason]}`;
  }
}

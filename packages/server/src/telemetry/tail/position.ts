import { SpanloomError } from "@spanloom/protocol";

/**
 * A position is the store's time up to which everything was sent, in microseconds. It is good at any server of the same
 * store, and for any request.
 */

/**
 * How much is read again when the store's clock was set back: what came meanwhile has times that were passed before. Also
 * how far a position may lie ahead of the clock.
 */
export const READ_AGAIN_US = 60_000_000n;

/** A position as text. */
export function formatPosition(us: bigint): string {
  return String(us);
}

/**
 * Where to go on after a position; undefined for none.
 *
 * When the clock was set back by less than a minute, a minute is read again. Errors: INVALID_FIELD for what is no
 * position, or one that lies further ahead.
 */
export function readPosition(position: string, nowUs: bigint): bigint | undefined {
  if (position === "") return undefined;
  const refuse = (why: string) =>
    new SpanloomError("INVALID_FIELD", `cannot follow: position is ${JSON.stringify(position)}, ${why}`, {
      field: "position",
    });
  if (!/^\d{1,18}$/.test(position)) throw refuse("which no answer gave");
  const us = BigInt(position);
  if (us <= nowUs) return us;
  if (us - nowUs > READ_AGAIN_US) throw refuse("ahead of the store's clock: begin anew, with include_existing");
  return nowUs - READ_AGAIN_US;
}

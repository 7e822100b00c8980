import { randomFillSync } from "node:crypto";

/** Length of a lease token. 128 random bits: a runner can only name a lease it was given. */
export const LEASE_TOKEN_BYTES = 16;

/** Random bytes drawn beforehand: asking the system for each token took up to 25 us of a claim. */
const pool = new Uint8Array(256 * LEASE_TOKEN_BYTES);
let used = pool.length;

/** Mints the fencing token of the leases of one claim. */
export function newLeaseToken(): Uint8Array {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += LEASE_TOKEN_BYTES;
  return pool.slice(used - LEASE_TOKEN_BYTES, used);
}

/** Whether two tokens are equal, in a time that does not depend on where they differ. */
export function sameToken(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/** Earlier of the attempt's timeout and the job's deadline; undefined when neither is set. */
export function attemptDeadlineUs(
  leasedAtUs: number,
  attemptTimeoutMs: number | undefined,
  jobDeadlineUs: number | undefined,
): number | undefined {
  const timeoutUs = attemptTimeoutMs === undefined ? Number.POSITIVE_INFINITY : leasedAtUs + attemptTimeoutMs * 1000;
  const earliestUs = Math.min(timeoutUs, jobDeadlineUs ?? Number.POSITIVE_INFINITY);
  return earliestUs === Number.POSITIVE_INFINITY ? undefined : Math.round(earliestUs);
}

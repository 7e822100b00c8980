import { expect, test } from "vitest";
import { attemptDeadlineUs, LEASE_TOKEN_BYTES, newLeaseToken, sameToken } from "./lease.ts";

test("tokens are 16 random bytes, no two alike", () => {
  const tokens = Array.from({ length: 1_000 }, () => newLeaseToken());
  for (const token of tokens) expect(token.length).toBe(LEASE_TOKEN_BYTES);
  expect(new Set(tokens.map((token) => Buffer.from(token).toString("hex"))).size).toBe(1_000);
});

test("tokens are the same only byte for byte", () => {
  const token = newLeaseToken();
  expect(sameToken(token, Uint8Array.from(token))).toBe(true);
  expect(sameToken(token, token.subarray(1))).toBe(false);
  for (let i = 0; i < token.length; i++) {
    const other = Uint8Array.from(token);
    other[i]! ^= 1;
    expect(sameToken(token, other)).toBe(false);
  }
});

test("an attempt's deadline is the earlier of its timeout and the job's", () => {
  expect(attemptDeadlineUs(1_000, undefined, undefined)).toBeUndefined();
  expect(attemptDeadlineUs(1_000, 2, undefined)).toBe(3_000);
  expect(attemptDeadlineUs(1_000, 2, 2_500)).toBe(2_500);
  expect(attemptDeadlineUs(1_000, 1, 2_500)).toBe(2_000);
});

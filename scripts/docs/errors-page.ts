import { errorCatalogue, type Reason } from "@spanloom/protocol";

/** Names of the Connect codes by number; the numbers are gRPC's. */
const codeNames = [
  "ok",
  "canceled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
];

const head = `# Errors

<!-- Written by \`npm run generate\` from packages/protocol/src/errors.ts; a check keeps the two equal. -->

Every failed call carries, besides its Connect code, an \`ErrorDetail\` with one of the reasons below, the path of the
offending field, and the limit and the value where a limit was crossed. Messages read "cannot X: Y" and quote the
offending value. The reason is stable across releases; the message is for people.

A call that failed for a *transient* reason may succeed later without a change: back off, and honour
\`retry_after_ms\` when it is there. The SDK and the runner do so by themselves. A task whose code failed is not an
error of a call: it is data on the attempt, with an \`exception\` event on its span.

| reason | Connect code | transient | meaning |
|---|---|---|---|
`;

/** The page docs/errors.md: one row for each reason of the catalogue. */
export function errorsPage(): string {
  const rows = Object.entries(errorCatalogue).map(
    ([reason, { code, retryable, summary }]: [Reason | string, (typeof errorCatalogue)[Reason]]) => {
      return `| \`${reason}\` | \`${codeNames[code]}\` | ${retryable ? "yes" : "no"} | ${summary} |\n`;
    },
  );
  return head + rows.join("");
}

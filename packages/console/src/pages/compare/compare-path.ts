import type { Job } from "@spanloom/protocol";
import { timestampMs } from "../../text/timestamp-ms.ts";

/** The page that compares two jobs. */
export function comparePath(baseId: string, otherId: string): string {
  return `/compare/${encodeURIComponent(baseId)}/${encodeURIComponent(otherId)}`;
}

type Submitted = Pick<Job, "id" | "createdAt">;

/** The page that compares two jobs, the later one with the earlier. */
export function comparisonOf(a: Submitted, b: Submitted): string {
  const isInOrder = (timestampMs(a.createdAt) ?? 0) <= (timestampMs(b.createdAt) ?? 0);
  return isInOrder ? comparePath(a.id, b.id) : comparePath(b.id, a.id);
}

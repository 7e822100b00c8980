import { isUuid } from "@spanloom/protocol";

/** Those of some ids that PostgreSQL would take as such; what is no id is unknown, not an error. */
export function knownUuids(ids: Iterable<string>): string[] {
  return [...ids].filter(isUuid);
}

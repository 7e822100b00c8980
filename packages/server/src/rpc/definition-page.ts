import type { Limits } from "@spanloom/protocol";
import { boundedText } from "../engine/field.ts";
import { present } from "../present.ts";
import type { DefinitionKind, DefinitionRecord, TriggerStore } from "../store/trigger-store.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";
import { pageSizeField } from "./request-field.ts";

/** A request for a page of schedules or triggers. */
export interface DefinitionPageRequest {
  namePrefix: string;
  paused?: boolean | undefined;
  pageSize: number;
  pageToken: string;
}

/** Reads a page of schedules or triggers, by name. Errors: INVALID_PAGE_TOKEN, LIMIT_EXCEEDED. */
export async function listDefinitions(
  kind: DefinitionKind,
  request: DefinitionPageRequest,
  { triggers, limits }: { triggers: Pick<TriggerStore, "list">; limits: Limits },
): Promise<{ records: readonly DefinitionRecord[]; nextPageToken: string }> {
  const limit = pageSizeField(request.pageSize, limits);
  const namePrefix = boundedText("name_prefix", request.namePrefix, limits.maxNameBytes);
  const query = { kind, ...present({ namePrefix: namePrefix || undefined, paused: request.paused }) };
  const position = decodePageToken(request.pageToken, `${kind}s`, query);
  // A name may hold what ends a token's text.
  const after = position === undefined ? undefined : Buffer.from(position, "base64url").toString();
  const found = await triggers.list(query, { limit: limit + 1, ...present({ after }) });
  const records = found.slice(0, limit);
  const last = Buffer.from(records.at(-1)?.name ?? "").toString("base64url");
  return { records, nextPageToken: found.length > limit ? encodePageToken(`${kind}s`, query, last) : "" };
}

import type { Limits } from "@spanloom/protocol";
import { boundedText } from "../engine/field.ts";
import { present } from "../present.ts";
import type { DefinitionKind, DefinitionQuery, DefinitionRecord, TriggerStore } from "../store/trigger-store.ts";
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
  const { records, more } = await readPage(triggers, query, { limit, after, maxBytes: limits.maxResponseBytes / 2 });
  const last = Buffer.from(records.at(-1)?.name ?? "").toString("base64url");
  return { records, nextPageToken: more ? encodePageToken(`${kind}s`, query, last) : "" };
}

/** Definitions read at once, of up to a mebibyte each. */
const READ_LIMIT = 50;

/** Reads until a page is full by count or by bytes; one definition always fits. */
async function readPage(
  triggers: Pick<TriggerStore, "list">,
  query: DefinitionQuery,
  { limit, after, maxBytes }: { limit: number; after: string | undefined; maxBytes: number },
): Promise<{ records: readonly DefinitionRecord[]; more: boolean }> {
  const records: DefinitionRecord[] = [];
  let bytes = 0;
  for (;;) {
    const from = records.at(-1)?.name ?? after;
    const wanted = Math.min(limit + 1 - records.length, READ_LIMIT);
    const found = await triggers.list(query, { limit: wanted, ...present({ after: from }) });
    for (const record of found) {
      bytes += record.body.length;
      if (records.length === limit || (records.length > 0 && bytes > maxBytes)) return { records, more: true };
      records.push(record);
    }
    if (found.length < wanted) return { records, more: false };
  }
}

import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  DeleteWebhookResponseSchema,
  type EventService,
  GetWebhookResponseSchema,
  type IdGenerator,
  type Limits,
  type ListWebhooksRequest,
  ListWebhooksResponseSchema,
  type PutWebhookRequest,
  PutWebhookResponseSchema,
  SpanloomError,
} from "@spanloom/protocol";
import { present } from "../present.ts";
import type { DefinitionRecord, NewDefinition, TriggerStore } from "../store/trigger-store.ts";
import { decodeWebhook, encodeWebhook } from "../webhooks/webhook-definition.ts";
import { unimplemented } from "./error-interceptor.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";
import { pageSizeField } from "./request-field.ts";
import { toWebhookMessage } from "./webhook-message.ts";
import { nameField, readWebhookRequest } from "./webhook-request.ts";
import { readSecretRequests, type SealOptions } from "./webhook-secrets.ts";

/** What the calls of webhooks need. */
export interface WebhookServiceOptions extends SealOptions {
  /** Keeps webhooks, if it keeps triggers at all. */
  store: { readonly triggers?: Pick<TriggerStore, "put" | "get" | "list" | "delete"> };
  ids: Pick<IdGenerator, "next">;
  limits: Limits;
}

/** Those calls of EventService that are about webhooks. */
export type WebhookHandlers = Pick<
  ServiceImpl<typeof EventService>,
  "putWebhook" | "getWebhook" | "listWebhooks" | "deleteWebhook"
>;

/** EventService's calls about webhooks, over a store. */
export function webhookHandlers(options: WebhookServiceOptions): WebhookHandlers {
  return {
    putWebhook: (request) => putWebhook(request, options),
    async getWebhook(request) {
      const name = nameField(request.name);
      const record = await triggersOf(options).get("webhook", name);
      if (record) return create(GetWebhookResponseSchema, { webhook: toWebhookMessage(record) });
      throw new SpanloomError("WEBHOOK_NOT_FOUND", `cannot find webhook "${name}": there is none of this name`);
    },
    listWebhooks: (request) => listWebhooks(request, options),
    async deleteWebhook(request) {
      const deleted = await triggersOf(options).delete("webhook", nameField(request.name));
      return create(DeleteWebhookResponseSchema, { deleted });
    },
  };
}

function triggersOf({ store }: WebhookServiceOptions) {
  if (store.triggers) return store.triggers;
  throw unimplemented("spanloom.v1.EventService");
}

/** How often a change is tried when others change the same webhook meanwhile. */
const MAX_TRIES = 10;

async function putWebhook(request: PutWebhookRequest, options: WebhookServiceOptions) {
  const draft = readWebhookRequest(request, options.limits);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const existing = await triggersOf(options).get("webhook", draft.name);
    const before = existing && decodeWebhook(existing.body);
    const secrets = readSecretRequests(request.secrets, draft, before, options);
    const body = encodeWebhook({ ...draft, secrets });
    if (existing && Buffer.compare(existing.body, body) === 0) return answer(existing, false, false);
    const record = await triggersOf(options).put(definitionOf(draft, body, options.ids), existing?.revision ?? 0);
    if (record) return answer(record, existing === undefined, true);
  }
  const why = `it changed ${MAX_TRIES} times meanwhile`;
  throw new SpanloomError("STORE_UNAVAILABLE", `cannot change webhook "${draft.name}": ${why}`);
}

function definitionOf(
  { name, isPaused }: { name: string; isPaused: boolean },
  body: Uint8Array,
  ids: Pick<IdGenerator, "next">,
): NewDefinition {
  return { kind: "webhook", id: ids.next(), name, body, paused: isPaused, pauseReason: "", keepFirings: 0 };
}

function answer(record: DefinitionRecord, created: boolean, changed: boolean) {
  return create(PutWebhookResponseSchema, { webhook: toWebhookMessage(record), created, changed });
}

async function listWebhooks(request: ListWebhooksRequest, options: WebhookServiceOptions) {
  const limit = pageSizeField(request.pageSize, options.limits);
  const after = decodePageToken(request.pageToken, "webhooks", {});
  const found = await triggersOf(options).list({ kind: "webhook" }, { limit: limit + 1, ...present({ after }) });
  const page = found.slice(0, limit);
  return create(ListWebhooksResponseSchema, {
    webhooks: page.map(toWebhookMessage),
    nextPageToken: found.length > limit ? encodePageToken("webhooks", {}, page.at(-1)?.name ?? "") : "",
  });
}

/**
 * What servers that share a store tell each other: one channel of PostgreSQL, in the transaction that did it.
 *
 * A payload is `<server> <topic> <body>`. PostgreSQL takes up to 8,000 bytes; longer news are several payloads.
 */

import type { DefinitionKind, TriggerNews } from "../trigger-store.ts";

/** What a transaction brought about that other servers may have to act on. */
export interface News {
  /** Tasks that were ready when it committed, by queue. */
  ready: ReadonlyMap<string, number>;
  /** Jobs that changed. */
  jobs: Iterable<string>;
  /** Jobs that ended. */
  ended: Iterable<string>;
  /** Runners with an attempt to stop, or to drain. */
  cancelled: Iterable<string>;
  /** Earliest thing that became due. */
  dueUs: number | undefined;
  /** Of schedules, triggers, webhooks and events. */
  triggers: TriggerNews;
}

/** PostgreSQL refuses payloads of 8,000 bytes. */
const MAX_PAYLOAD_BYTES = 7_900;
const TOPIC_NEWS = "news";

/** Channel of the servers that share a schema. */
export function channelOf(schema: string): string {
  return `spanloom:${schema}`;
}

/** A payload under a topic. */
export function encodePayload(serverId: string, topic: string, body: string): string {
  return `${serverId} ${topic} ${body}`;
}

/** Takes a payload apart; undefined when it is none of ours. */
export function decodePayload(payload: string): { serverId: string; topic: string; body: string } | undefined {
  const [, serverId, topic, body] = /^(\S+) (\S+) (.*)$/s.exec(payload) ?? [];
  return serverId === undefined ? undefined : { serverId, topic: topic!, body: body! };
}

/** News as payloads: none when there is nothing to tell. */
export function newsPayloads(serverId: string, news: News): string[] {
  const payloads: string[] = [];
  const head = encodePayload(serverId, TOPIC_NEWS, "");
  let items: string[] = [];
  let bytes = head.length;
  const close = (): void => {
    if (items.length > 0) payloads.push(head + items.join(","));
    items = [];
    bytes = head.length;
  };
  for (const item of newsItems(news)) {
    const size = Buffer.byteLength(item) + 1;
    if (bytes + size > MAX_PAYLOAD_BYTES) close();
    items.push(item);
    bytes += size;
  }
  close();
  return payloads;
}

/** Each begins with a letter that says what it is; ids are 22 characters of base64url instead of 36. */
function* newsItems({ ready, jobs, ended, cancelled, dueUs, triggers }: News): Generator<string> {
  for (const [queue, count] of ready) yield `q${count}:${encodeURIComponent(queue)}`;
  const over = new Set(ended);
  for (const id of over) yield `e${packId(id)}`;
  for (const id of jobs) if (!over.has(id)) yield `j${packId(id)}`;
  for (const id of cancelled) yield `c${packId(id)}`;
  if (dueUs !== undefined && Number.isFinite(dueUs)) yield `d${dueUs}`;
  for (const kind of triggers.definitions ?? []) yield `k${kind}`;
  if (triggers.scheduleDueUs !== undefined) yield `s${triggers.scheduleDueUs}`;
  if (triggers.events) yield "v";
}

/** News as they came; `jobs` holds those that ended, too. */
export interface ReceivedNews {
  ready: Map<string, number>;
  jobs: Set<string>;
  ended: Set<string>;
  cancelled: Set<string>;
  dueUs: number | undefined;
  triggers: TriggerNews & { definitions?: DefinitionKind[] };
}

/** Reads the body of a payload about news. Items of a kind that this version does not know are passed over. */
export function readNews(body: string): ReceivedNews {
  const news: ReceivedNews = {
    ready: new Map(),
    jobs: new Set(),
    ended: new Set(),
    cancelled: new Set(),
    dueUs: undefined,
    triggers: {},
  };
  for (const item of body.split(",")) readItem(item, news);
  return news;
}

function readItem(item: string, news: ReceivedNews): void {
  const rest = item.slice(1);
  switch (item[0]) {
    case "q": {
      const colon = rest.indexOf(":");
      news.ready.set(decodeURIComponent(rest.slice(colon + 1)), Number(rest.slice(0, colon)));
      break;
    }
    case "e":
      news.ended.add(unpackId(rest));
      news.jobs.add(unpackId(rest));
      break;
    case "j":
      news.jobs.add(unpackId(rest));
      break;
    case "c":
      news.cancelled.add(unpackId(rest));
      break;
    case "d":
      news.dueUs = Number(rest);
      break;
    case "k":
      news.triggers.definitions = [...(news.triggers.definitions ?? []), rest as DefinitionKind];
      break;
    case "s":
      news.triggers.scheduleDueUs = Number(rest);
      break;
    case "v":
      news.triggers.events = true;
      break;
  }
}

/** Whether a payload's topic is news. */
export function isNews(topic: string): boolean {
  return topic === TOPIC_NEWS;
}

function packId(id: string): string {
  return Buffer.from(id.replaceAll("-", ""), "hex").toString("base64url");
}

function unpackId(text: string): string {
  const hex = Buffer.from(text, "base64url").toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

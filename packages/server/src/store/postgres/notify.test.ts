import { IdGenerator } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import {
  decodePayload,
  encodePayload,
  isNews,
  type News,
  newsPayloads,
  type ReceivedNews,
  readNews,
} from "./notify.ts";

const ids = new IdGenerator();
const server = ids.next();
const idList = (count: number): string[] => Array.from({ length: count }, () => ids.next());

/** What another server makes of news. */
function received(news: Partial<News>): ReceivedNews[] {
  const all: News = { ready: new Map(), jobs: [], ended: [], cancelled: [], dueUs: undefined, triggers: {}, ...news };
  return newsPayloads(server, all).map((payload) => {
    expect(Buffer.byteLength(payload)).toBeLessThan(8_000);
    const { serverId, topic, body } = decodePayload(payload)!;
    expect([serverId, isNews(topic)]).toEqual([server, true]);
    return readNews(body);
  });
}

describe("news for other servers", () => {
  it("come as they were sent", () => {
    const [job, over, runner] = idList(3) as [string, string, string];
    const ready = new Map([
      ["default", 3],
      ['a:b,c "ö"', 100_000],
    ]);
    const triggers = {
      definitions: ["schedule", "trigger"],
      scheduleDueUs: 1_700_000_000_000_001,
      events: true,
    } as const;
    const dueUs = 1_700_000_000_000_000;
    expect(received({ ready, jobs: [job, over], ended: [over], cancelled: [runner], dueUs, triggers })).toEqual([
      {
        ready,
        jobs: new Set([job, over]),
        ended: new Set([over]),
        cancelled: new Set([runner]),
        dueUs,
        triggers,
      },
    ]);
  });

  it("are not sent when there are none", () => {
    expect(received({})).toEqual([]);
    expect(received({ dueUs: Number.POSITIVE_INFINITY })).toEqual([]);
  });

  it("are split where PostgreSQL would refuse them, and nothing is lost", () => {
    const [jobs, ended] = [idList(2_000), idList(500)];
    const ready = new Map(idList(100).map((name, i) => [name, i + 1]));
    const parts = received({ ready, jobs, ended });
    expect(parts.length).toBeGreaterThan(5);
    expect(new Set(parts.flatMap((part) => [...part.jobs]))).toEqual(new Set([...jobs, ...ended]));
    expect(parts.flatMap((part) => [...part.ended])).toEqual(ended);
    expect(new Map(parts.flatMap((part) => [...part.ready]))).toEqual(ready);
  });

  it("of a kind that is not known yet are passed over", () => {
    const [job] = idList(1) as [string];
    const none = { ready: new Map(), ended: [], cancelled: [], dueUs: undefined, triggers: {} };
    const body = newsPayloads(server, { ...none, jobs: [job] })
      .map((payload) => decodePayload(payload)!.body)
      .join();
    expect(readNews(`z1:2,${body}`).jobs).toEqual(new Set([job]));
  });

  it("are told from what others say on the channel", () => {
    expect(decodePayload(encodePayload(server, "flush", "a b\nc"))).toEqual({
      serverId: server,
      topic: "flush",
      body: "a b\nc",
    });
    expect(isNews("flush")).toBe(false);
    expect(decodePayload("hello")).toBeUndefined();
  });
});

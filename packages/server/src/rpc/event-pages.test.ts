import { expect, test } from "vitest";
import type { EventRecord } from "../store/trigger-store.ts";
import { eventParts, nextPartSize } from "./event-pages.ts";

const MB = 1024 * 1024;

const events = (count: number, bytes: number): EventRecord[] =>
  Array.from({ length: count }, (_, n) => ({ seq: count - n, payload: { length: bytes } }) as EventRecord);

test("parts grow while events are short, and are of a few events while they are long", () => {
  expect(nextPartSize([])).toBe(4);
  expect(nextPartSize(events(4, 100))).toBe(32);
  expect(nextPartSize(events(400, 100))).toBe(500);
  expect(nextPartSize(events(4, MB))).toBe(4);
  expect(nextPartSize(events(32, MB / 4))).toBe(16);
  expect(nextPartSize(events(1, 100 * MB))).toBe(1);
  expect(nextPartSize(events(4, 0))).toBe(32);
});

test("parts are read one after the other until there are no more", async () => {
  const all = events(100, 100);
  const asked: (number | undefined)[] = [];
  const listEvents = async (_query: object, { limit, after = 101 }: { limit: number; after?: number }) => {
    asked.push(after, limit);
    return all.filter(({ seq }) => seq < after).slice(0, limit);
  };
  const read: number[] = [];
  for await (const part of eventParts({ listEvents }, {})) read.push(...part.map(({ seq }) => seq));
  expect(read).toEqual(all.map(({ seq }) => seq));
  expect(asked).toEqual([101, 4, 97, 32, 65, 256]);
});

import { afterAll, expect, test } from "vitest";
import { EventMatcher } from "./event-matcher.ts";
import type { MatchEvent, MatchTrigger } from "./rule-batch.ts";

const matcher = new EventMatcher({ maxInputBytes: 1_000 });
afterAll(() => matcher.stop());

function trigger(id: string, changes: Partial<MatchTrigger> = {}): MatchTrigger {
  return { id, keyPattern: "order.*", filter: "", input: "", ...changes };
}

function event(id: string, payload: unknown = {}, changes: Partial<MatchEvent> = {}): MatchEvent {
  const bytes = payload === undefined ? new Uint8Array(0) : Buffer.from(JSON.stringify(payload));
  return { id, key: "order.paid", payload: bytes, metadata: {}, receivedAtUs: 0, onlyTrigger: "", ...changes };
}

/** Matches as `event>trigger`, with the input or why there is none. */
async function matched(triggers: readonly MatchTrigger[], events: readonly MatchEvent[]): Promise<string[]> {
  return (await matcher.match(triggers, events)).map(({ event, trigger, input, error }) => {
    const what = error ?? (input && Buffer.from(input).toString()) ?? "";
    return `${events[event]?.id}>${triggers[trigger]?.id}${what && `: ${what}`}`;
  });
}

/** Takes for ever on text of many a that ends otherwise. */
const RUNAWAY = "event.payload.text.matches('^(a+)+$')";
const POISON = { text: `${"a".repeat(60)}!`, n: 1 };

test("events match by key, by filter, and give inputs", async () => {
  const triggers = [
    trigger("all"),
    trigger("large", { filter: "event.payload.n > 10" }),
    trigger("mapped", { input: "{'n': event.payload.n + 1.0, 'from': event.metadata.from}" }),
    trigger("other", { keyPattern: "user.**" }),
  ];
  const events = [
    event("small", { n: 1 }, { metadata: { from: "a" } }),
    event("big", { n: 20 }, { metadata: { from: "b" } }),
    event("new", { n: 20 }, { key: "user.made" }),
    event("none", {}, { key: "invoice.paid" }),
  ];
  expect(await matched(triggers, events)).toEqual([
    "small>all",
    'small>mapped: {"n":2,"from":"a"}',
    "big>all",
    "big>large",
    'big>mapped: {"n":21,"from":"b"}',
    "new>other",
  ]);
});

test("an event for one trigger alone is seen by no other, and only if its key matches", async () => {
  const triggers = [trigger("plain"), trigger("ruled", { filter: "true" }), trigger("other", { keyPattern: "user.*" })];
  const events = [
    event("a", {}, { onlyTrigger: "ruled" }),
    event("b", {}, { onlyTrigger: "plain" }),
    event("c", {}, { onlyTrigger: "other" }),
    event("d", {}, { onlyTrigger: "gone" }),
  ];
  expect(await matched(triggers, events)).toEqual(["a>ruled", "b>plain"]);
});

test("what cannot be told of an event is told as its error, and others match", async () => {
  const triggers = [
    trigger("large", { filter: "event.payload.n > 10" }),
    trigger("long", { filter: "event.payload.n > 0", input: "event.payload.text" }),
    trigger("broken", { filter: "event.payload." }),
  ];
  const events = [
    event("a", { text: "x".repeat(2_000), n: 11 }),
    event("b", {}),
    event("c", undefined, { payload: Buffer.from("{") }),
  ];
  const found = await matched(triggers, events);
  expect(found.slice(0, 2)).toEqual([
    "a>large",
    "a>long: cannot match event: the input has more bytes than the limit 1000",
  ]);
  expect(found[2]).toContain("a>broken: cannot accept request: filter is");
  expect(found.slice(3, 5)).toEqual([
    "b>large: cannot match event: No such key: n",
    "b>long: cannot match event: No such key: n",
  ]);
  expect(found[6]).toContain("c>large: cannot match event: Expected property name");
});

test("an expression that runs for ever is stopped and told, and all else matches", async () => {
  const triggers = [
    trigger("before", { filter: "event.payload.n > 0" }),
    trigger("runaway", { filter: RUNAWAY }),
    trigger("after", { input: "event.payload.n" }),
  ];
  const events = [event("good", { text: "aaa", n: 1 }), event("poison", POISON), event("late", { text: "aa", n: 2 })];
  const matches = await matcher.match(triggers, events);
  expect(matches.filter(({ runaway }) => runaway)).toEqual([
    { event: 1, trigger: 1, error: "cannot match event: it ran for more than 1 s", runaway: true },
  ]);
  expect(matches.filter(({ error }) => !error).map(({ event, trigger }) => [event, trigger])).toEqual([
    [0, 0],
    [0, 1],
    [0, 2],
    [1, 0],
    [1, 2],
    [2, 0],
    [2, 1],
    [2, 2],
  ]);
});

test("a trigger that had to be stopped twice is not tried with the rest of the batch", async () => {
  const triggers = [trigger("runaway", { filter: RUNAWAY }), trigger("other", { filter: "event.payload.n > 0" })];
  const events = [event("good", { text: "a", n: 1 }), ...[1, 2, 3, 4].map((n) => event(`poison-${n}`, POISON))];
  const found = await matched(triggers, events);
  expect(found.filter((match) => match.includes(">other"))).toHaveLength(5);
  expect(found.filter((match) => match.includes(">runaway"))).toEqual([
    "good>runaway",
    "poison-1>runaway: cannot match event: it ran for more than 1 s",
    "poison-2>runaway: cannot match event: it ran for more than 1 s",
    'poison-3>runaway: cannot match event: not tried, as the trigger had to be stopped at "poison-1" and "poison-2"',
    'poison-4>runaway: cannot match event: not tried, as the trigger had to be stopped at "poison-1" and "poison-2"',
  ]);
});

test("times in zones are told in time", async () => {
  const hours = Array.from({ length: 20_000 }, (_, hour) => hour);
  const filter = "event.payload.all(hour, event.received_at.getHours('Europe/Berlin') == 19)";
  const receivedAtUs = Date.UTC(2050, 10, 21, 18) * 1000;
  const zones = [
    trigger("in zone", { filter }),
    trigger("no zone", { filter: "event.received_at.getHours('Mars') == 1" }),
  ];
  const found = await matched(zones, [event("a", hours, { receivedAtUs })]);
  expect(found).toEqual(["a>in zone", expect.stringContaining("a>no zone: cannot match event: Invalid time zone")]);
});

test("batches wait for each other and answer in order", async () => {
  const triggers = [trigger("ruled", { input: "event.id" })];
  const answers = await Promise.all(["a", "b", "c"].map((id) => matched(triggers, [event(id)])));
  expect(answers).toEqual([['a>ruled: "a"'], ['b>ruled: "b"'], ['c>ruled: "c"']]);
});

test("a matcher that is stopped says so", async () => {
  const stopped = new EventMatcher({ maxInputBytes: 1 });
  await stopped.stop();
  await stopped.stop();
  await expect(stopped.match([trigger("ruled", { filter: "true" })], [event("a")])).rejects.toThrow("is stopped");
});

test("what is being matched when the matcher stops fails and starts no thread again", async () => {
  const stopped = new EventMatcher({ maxInputBytes: 1 });
  const matching = stopped.match([trigger("runaway", { filter: RUNAWAY })], [event("poison", POISON)]);
  await Promise.resolve();
  await stopped.stop();
  await expect(matching).rejects.toThrow("cannot match events");
});

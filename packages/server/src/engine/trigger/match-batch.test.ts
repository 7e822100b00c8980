import { expect, test } from "vitest";
import { matchBatch, type RuleBatch, type Rules } from "./match-batch.ts";

/** Events of these payloads, each for all triggers. */
function batchOf(triggers: readonly Rules[], payloads: readonly string[]): RuleBatch {
  const bytes = payloads.map((payload) => Buffer.from(payload));
  let end = 0;
  return {
    triggers,
    classes: [triggers.map((_rules, place) => place)],
    eventClasses: new Uint32Array(payloads.length),
    ids: payloads.map((_payload, place) => `e-${place}`),
    keys: payloads.map(() => "a"),
    receivedAtUs: new Float64Array(payloads.length),
    metadata: payloads.map(() => '{"m":"1"}'),
    payloads: Buffer.concat(bytes),
    payloadEnds: Uint32Array.from(bytes, ({ length }) => (end += length)),
    maxInputBytes: 100,
  };
}

/** Matches as `event>trigger`, with the input or why there is none. */
function found(batch: RuleBatch, cpuUs: () => number = () => 0): string[] {
  const { events, triggers, inputs, inputEnds, errors } = matchBatch(batch, cpuUs, () => {});
  return [...events].map((event, place) => {
    const input = Buffer.from(inputs.subarray(place === 0 ? 0 : inputEnds[place - 1], inputEnds[place])).toString();
    const what = errors.get(place) ?? input;
    return `${event}>${triggers[place]}${what && `: ${what}`}`;
  });
}

test("matches come by event and trigger, each with its input", () => {
  const triggers = [
    { filter: "event.payload > 1", input: "" },
    { filter: "", input: "event.payload + 0.5" },
  ];
  expect(found(batchOf(triggers, ["1", "2", "3"]))).toEqual(["0>1: 1.5", "1>0", "1>1: 2.5", "2>0", "2>1: 3.5"]);
});

test("what begins is told before it does", () => {
  const begun: number[][] = [];
  const batch = batchOf([{ filter: "true", input: "" }], ["1", "2"]);
  matchBatch(
    batch,
    () => 0,
    (event, trigger) => begun.push([event, trigger]),
  );
  expect(begun).toEqual([
    [0, 0],
    [1, 0],
  ]);
});

test("an expression that does not compile is told with every event", () => {
  expect(found(batchOf([{ filter: "nothing", input: "" }], ["1"]))[0]).toContain("Unknown variable: nothing");
});

test("what is told of an event does not grow with it", () => {
  const batch = batchOf([{ filter: "bool(event.payload)", input: "" }], [JSON.stringify("x".repeat(10_000))]);
  expect(found(batch)[0]).toMatch(/^0>0: cannot match event: .*invalid string value "x+[.]{3}$/);
  expect(found(batch)[0]?.length).toBeLessThan(600);
});

test("a trigger that takes too much of the thread's time is stopped, and others go on", () => {
  const triggers = [
    { filter: "event.payload >= 0", input: "" },
    { filter: "event.payload == 1_000".replace("_", ""), input: "" },
  ];
  const payloads = Array.from({ length: 2_000 }, (_, n) => `${n}`);
  let us = 0;
  // Each look at the clock is 700 ms later: a chunk of the first trigger takes that, and so does one of the second.
  const matches = found(batchOf(triggers, payloads), () => (us += 700_000));
  const stopped = matches.filter((match) => match.includes("cannot match event"));
  expect(stopped[0]).toBe("1024>0: cannot match event: filter and input took 1400 ms for 1024 events before it");
  expect(stopped).toHaveLength(2 * (2_000 - 1_024));
});

test("a trigger may take more time of more events", () => {
  const payloads = Array.from({ length: 20_000 }, () => "1");
  let us = 0;
  const matches = found(batchOf([{ filter: "event.payload == 1", input: "" }], payloads), () => (us += 100_000));
  expect(matches).toHaveLength(20_000);
  expect(matches.some((match) => match.includes(":"))).toBe(false);
});

test("payloads of any size are matched, a megabyte of them at a time", () => {
  const large = JSON.stringify("x".repeat(700_000));
  const batch = batchOf([{ filter: "size(event.payload) == 700000", input: "" }], [large, large, "1", large]);
  expect(found(batch)).toEqual(["0>0", "1>0", expect.stringContaining("2>0: cannot match event"), "3>0"]);
});

import { SpanloomError } from "@spanloom/protocol";
import { expect, test } from "vitest";
import { compileFilter, compileMapping } from "./event-filter.ts";
import { TriggerEvent } from "./trigger-event.ts";

const ORDER = {
  id: "o-1",
  amount: 120.5,
  count: 3,
  country: "DE",
  items: [{ sku: "a", n: 2 }, { sku: "b" }],
  note: null,
};

function event(payload: unknown = ORDER): TriggerEvent {
  return new TriggerEvent({
    id: "e-1",
    key: "order.paid",
    metadata: { region: "eu" },
    receivedAtUs: Date.UTC(2026, 10, 21, 18) * 1000 + 1_500,
    payloadText: () => (typeof payload === "string" ? payload : JSON.stringify(payload)),
  });
}

function mapped(source: string, of = event(), maxBytes = 10_000): string {
  return Buffer.from(compileMapping(source)(of, maxBytes)).toString();
}

test.each([
  ["event.payload.amount > 100", true],
  ["event.payload.amount > 100.4 && event.payload.country == 'DE'", true],
  ["event.payload.count == 3", true],
  ["event.payload.count in [1, 2]", false],
  ["event.payload.count + 1.0 == 4.0", true],
  ["int(event.payload.count) % 2 == 1", true],
  ["event.payload.items.exists(item, item.sku == 'b')", true],
  ["event.payload.items.all(item, has(item.n))", false],
  ["size(event.payload.items) == 2", true],
  ["has(event.payload.refund)", false],
  ["has(event.payload.refund) && event.payload.refund > 0", false],
  ["event.payload.?refund.orValue(0) == 0", true],
  ["event.payload.note == null", true],
  ["event.payload.country.matches('^[A-Z]{2}$')", true],
  ["event.payload.country.lowerAscii() == 'de'", true],
  ["event.key.startsWith('order.')", true],
  ["event.metadata.region == 'eu'", true],
  ["'source' in event.metadata", false],
  ["event.id == 'e-1'", true],
  ["event.received_at < timestamp('2026-11-21T18:00:01Z')", true],
  ["event.received_at.getHours('Europe/Berlin') == 19", true],
  ["event.received_at - timestamp('2026-11-21T17:00:00Z') > duration('59m')", true],
  ["event.payload.amount > 100 || event.payload.gone", true],
  ["event.payload == {'a': 1}", false],
])("filter %s", (source, matches) => {
  expect(compileFilter(source)(event())).toBe(matches);
});

test.each([
  ["event.payload.refund > 0", "No such key: refund"],
  ["event.payload.items[2].sku == 'c'", "index out of bounds"],
  ["event.payload.count + 1 == 4", "no such overload: dyn<double> + int"],
  ["event.payload.country", "the filter's result is a string, not a bool"],
  ["event.payload.note", "the filter's result is null, not a bool"],
  ["event.payload.toString == 'x'", "No such key: toString"],
  ["event.payload.constructor == 'x'", "No such key: constructor"],
])("filter %s tells why it cannot be told", (source, problem) => {
  expect(() => compileFilter(source)(event())).toThrow(problem);
});

test.each([
  ["event.payload.amount >", 'is "event.payload.amount >": Unexpected token: EOF at 1:23'],
  ["event.amount > 1", "No such key: amount at 1:7"],
  ["amount > 1", "Unknown variable: amount at 1:1"],
  ["event.key > 1", "no such overload: string > int at 1:1"],
  ["true &&\n  nothing", "Unknown variable: nothing at 2:3"],
  ["event.key", 'is "event.key": it is a string, not a bool'],
  ["1 + 1", "it is a int, not a bool"],
  ["event.key.matches('(')", "Invalid regular expression"],
  ["event.payload.x.exists(y, y.matches('[') )", "Invalid regular expression"],
  ["event.key.matches(event.payload.p)", "the regular expression of matches must be written out at 1:19"],
  ["event.key.matches('a' + 'b')", "must be written out"],
  [`event.key.matches('${"(".repeat(33)}a${")*".repeat(33)}')`, "has groups more than 32 deep"],
  ["process.exit(1)", "Unknown variable: process"],
  ["", "Unexpected token: EOF at 1:1"],
  [`${"(".repeat(70)}true${")".repeat(70)}`, "Exceeded maxDepth (64)"],
  [`[${"1,".repeat(300)}1] == []`, "Exceeded maxListElements (256)"],
])("filter %j is refused by name and place", (source, problem) => {
  const error = refusal(() => compileFilter(source));
  expect(error.reason).toBe("INVALID_FIELD");
  expect(error.facts.field).toBe("filter");
  expect(error.message).toMatch(/^cannot accept request: filter is /);
  expect(error.message).toContain(problem);
});

test("an expression is no longer than 4 KiB", () => {
  expect(refusal(() => compileFilter(`event.key == "${"é".repeat(2_048)}"`))).toMatchObject({
    reason: "LIMIT_EXCEEDED",
    facts: { field: "filter", limit: 4_096 },
  });
});

test.each([
  ["event.payload", ORDER],
  ["event.payload.items", ORDER.items],
  [`{"order": event.payload.id, "total": event.payload.amount * 2.0, "n": 1}`, { order: "o-1", total: 241, n: 1 }],
  ["event.payload.items.map(item, item.sku)", ["a", "b"]],
  ["[event.key, 1, 2.5, true, null]", ["order.paid", 1, 2.5, true, null]],
  ["{1: 'one', true: 'yes'}", { 1: "one", true: "yes" }],
  ["event.metadata", { region: "eu" }],
  ["event.received_at", "2026-11-21T18:00:00.001Z"],
  ["duration('90s')", "90s"],
  ["b'abc'", "YWJj"],
  ["7u", 7],
  ["9007199254740993", "9007199254740993"],
  [
    "event",
    {
      id: "e-1",
      key: "order.paid",
      payload: ORDER,
      metadata: { region: "eu" },
      received_at: "2026-11-21T18:00:00.001Z",
    },
  ],
])("mapping %s", (source, input) => {
  expect(JSON.parse(mapped(source))).toEqual(input);
});

test.each([
  ["1.0 / 0.0", "result is Infinity, which JSON has nothing for"],
  ["{'a': [1, double('nan')]}", "result.a[1] is NaN"],
  ["{'t': type(event.payload.id)}", "result.t is a"],
  ["[event.payload.?gone]", "result[0] is a Optional"],
  ["event.payload.gone", "No such key: gone"],
])("mapping %s tells what JSON has nothing for", (source, problem) => {
  expect(() => mapped(source)).toThrow(problem);
});

test.each([
  ["type(event.key)", "it is a type, which JSON has nothing for"],
  ["event.payload.?gone", "it is a optional<dyn>, which JSON has nothing for"],
  ["optional.none()", "which JSON has nothing for"],
  ["event.pay", "No such key: pay"],
])("mapping %s is refused by name", (source, problem) => {
  const error = refusal(() => compileMapping(source));
  expect(error.facts.field).toBe("input");
  expect(error.message).toContain(problem);
});

test("a payload whose fields have misleading names is what it is", () => {
  const payload = String.raw`{"constructor": {"\u0063onstructor": "in"}, "__proto__": {"a": 1}, "hasOwnProperty": 2}`;
  expect(compileFilter("event.payload.constructor.constructor == 'in'")(event(payload))).toBe(true);
  expect(compileFilter("event.payload.hasOwnProperty == 2")(event(payload))).toBe(true);
  expect(compileFilter("has(event.payload.a)")(event(payload))).toBe(false);
  expect(mapped("event.payload", event(payload))).toBe(
    '{"constructor":{"constructor":"in"},"__proto__":{"a":1},"hasOwnProperty":2}',
  );
});

test("a payload is parsed once, and not before an expression asks for it", () => {
  let asked = 0;
  const lazy = new TriggerEvent({
    id: "e",
    key: "k",
    metadata: {},
    receivedAtUs: 0,
    payloadText: () => {
      asked++;
      return '{"n": 1}';
    },
  });
  expect(compileFilter("event.key == 'k'")(lazy)).toBe(true);
  expect(asked).toBe(0);
  expect(compileFilter("event.payload.n == 1 && event.payload.n < 2")(lazy)).toBe(true);
  expect(mapped("event.payload.n", lazy)).toBe("1");
  expect(asked).toBe(1);
});

test("an event without a payload has null", () => {
  expect(compileFilter("event.payload == null")(event(""))).toBe(true);
});

const TEN = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]";

/** Doubles something so many times. */
function doubled(times: number, what: string, size: (last: string) => string): string {
  const names = Array.from({ length: times }, (_, index) => `v${index}`);
  const binds = names.slice(1).map((name, index) => `cel.bind(${name}, v${index} + v${index}, `);
  return `cel.bind(v0, ${what}, ${binds.join("")}${size(names.at(-1) ?? "v0")}${")".repeat(times)}`;
}

test.each([
  ["lists", doubled(26, "[event, event]", (last) => `size(${last}) > 0`)],
  ["texts", doubled(26, "event.payload.id", (last) => `${last}.contains('z')`)],
  ["bytes", doubled(26, "bytes(event.payload.id)", (last) => `size(${last}) > 0`)],
  [
    "lists in lists",
    `${TEN}.map(a, ${TEN}.map(b, ${TEN}.map(c, ${TEN}.map(d, ${TEN}.map(e, ${TEN}.map(f, [f])))))) == []`,
  ],
  ["maps", `${TEN}.all(a, ${TEN}.all(b, ${TEN}.all(c, ${TEN}.all(d, ${TEN}.all(e, {'a': a, 'b': b, 'c': c} != {})))))`],
  [
    "lists of a filter",
    `${TEN}.all(a, ${TEN}.all(b, ${TEN}.all(c, ${TEN}.all(d, size(event.payload.long.filter(x, true)) > 0))))`,
  ],
  [
    "parts of a text",
    `${TEN}.all(a, ${TEN}.all(b, ${TEN}.all(c, ${TEN}.all(d, size(event.payload.text.split('')) > 0))))`,
  ],
  [
    "lists of no known type",
    `${TEN}.all(a, ${TEN}.all(b, ${TEN}.all(c, ${TEN}.all(d, (event.payload.long + event.payload.long) != []))))`,
  ],
])("an expression that grows %s ends when it has allocated 32 MB", (_what, source) => {
  const large = event({ id: "abcdefgh", text: "x".repeat(2_000), long: Array.from({ length: 2_000 }, (_, n) => n) });
  const filter = compileFilter(source);
  expect(() => filter(large)).toThrow("it allocates more than 32 MB");
  expect(() => filter(large)).toThrow("it allocates more than 32 MB");
});

test("what one evaluation allocated is not counted against the next", () => {
  const large = event({ text: "x".repeat(1_000_000) });
  const filter = compileFilter("event.payload.text.lowerAscii().upperAscii() == ''");
  for (let times = 0; times < 50; times++) expect(filter(large)).toBe(false);
});

/** Lists and maps in each other, another way for each number. */
function nested(depth: number, way: number): string {
  let [start, end] = ["", ""];
  for (let level = 0; level < depth; level++) {
    const isList = ((Math.imul(way + level + 1, 2_654_435_761) >>> 7) & 1) === 1;
    start += isList ? "[" : '{"a":';
    end = (isList ? "]" : "}") + end;
  }
  return `${start}1${end}`;
}

test.each([
  "event.payload == 1",
  "event.payload != null",
  "[event.payload] == []",
  "event.payload in [1]",
  "type(event.payload) == list",
])("payloads that nest in ever other ways leave nothing behind in %s", (source) => {
  const filter = compileFilter(source);
  let way = 0;
  const usedAfter = (payloads: number): number => {
    for (let n = 0; n < payloads; n++) filter(event(nested(1_500, 7_919 * way++)));
    return process.memoryUsage().heapUsed;
  };
  const before = usedAfter(5);
  // Were types kept it would be some 9 MB for each.
  expect(usedAfter(30) - before).toBeLessThan(100_000_000);
});

test("payloads of any depth are compared as they are", () => {
  const filter = compileFilter("event.payload.a == event.payload.b");
  const [one, other] = [nested(100, 1), nested(100, 1).replace("1", "2")];
  expect(filter(event(`{"a": ${one}, "b": ${one}}`))).toBe(true);
  expect(filter(event(`{"a": ${one}, "b": ${other}}`))).toBe(false);
});

test("a mapping whose JSON is too long ends when it is", () => {
  const long = event({ items: Array.from({ length: 1_000 }, (_, n) => n) });
  expect(() => mapped("event.payload.items", long, 1_000)).toThrow("the input has more bytes than the limit 1000");
  expect(() =>
    mapped("event.payload.items.map(a, event.payload.items.map(b, event.payload))", long, 256 * 1024),
  ).toThrow("the input has more bytes than the limit 262144");
  expect(() => mapped("'é' + 'é'", long, 5)).toThrow("the input has 6 bytes, limit 5");
});

function refusal(run: () => unknown): SpanloomError {
  try {
    run();
  } catch (error) {
    if (error instanceof SpanloomError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

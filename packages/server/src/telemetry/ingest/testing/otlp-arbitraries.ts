import * as fc from "fast-check";
import { attribute, type FixtureValue } from "../otlp-fixture.ts";

/** Test fixture: random parts of OTLP, whatever an honest sender may send. */

const scalar = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.boolean(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double(),
  fc.uint8Array({ maxLength: 20 }),
  fc.constant(null),
);

/**
 * Every run of a property test is the same, so that what fails once fails again; `SPANLOOM_TEST_SEED` gives other ones.
 */
export const seed = Number(process.env.SPANLOOM_TEST_SEED ?? 1);

const markerKey = fc.constantFrom("$bytes", "$double", "$$bytes", "$$$double", "$byte", "$");
const mapKey = fc.oneof(fc.string({ maxLength: 5 }), markerKey);

/** A value of any type, nested to some depth. */
export const anyValue: fc.Arbitrary<FixtureValue> = fc.letrec<{ any: FixtureValue }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalar,
    fc.array(tie("any"), { maxLength: 3 }),
    fc.array(fc.tuple(mapKey, tie("any")), { maxLength: 3 }).map((map) => ({ map })),
    // What could be mistaken for the JSON of other types.
    fc
      .tuple(markerKey, fc.oneof(fc.constantFrom("NaN", "-Infinity", "AQI="), tie("any")))
      .map((entry) => ({ map: [entry] })),
  ),
})).any;

/** Attributes, some with the same key. */
export const attributes = fc.array(
  fc
    .tuple(fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom("service.name", "error.type", "k")), anyValue)
    .map(([key, value]) => attribute(key, value)),
  { maxLength: 6 },
);

/** A count of what was dropped. */
export const count = fc.integer({ min: 0, max: 2 ** 32 - 1 });

/** Bytes of an id: `size` of them, or now and then too few or too many. */
export const id = (size: number) =>
  fc.oneof(
    { arbitrary: fc.uint8Array({ minLength: size, maxLength: size }), weight: 20 },
    fc.uint8Array({ maxLength: 20 }),
  );

/** Events of a span. */
export const events = fc.array(
  fc.record({
    timeUnixNano: fc.bigInt({ min: 0n, max: 2n ** 62n }),
    name: fc.string(),
    attributes,
    droppedAttributesCount: count,
  }),
  { maxLength: 2 },
);

/** Links of a span. */
export const links = fc.array(
  fc.record({
    traceId: id(16),
    spanId: id(8),
    traceState: fc.string(),
    attributes,
    droppedAttributesCount: count,
    flags: count,
  }),
  { maxLength: 2 },
);

/** What a span says besides its ids and times. */
export const spanContent = {
  traceState: fc.string({ maxLength: 10 }),
  flags: count,
  name: fc.string({ unit: "grapheme", maxLength: 40 }),
  attributes,
  droppedAttributesCount: count,
  droppedEventsCount: count,
  droppedLinksCount: count,
  events,
  links,
};

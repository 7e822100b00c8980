import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attemptSpanId, firingSpan, IdGenerator, isUuid, spanIdOf, traceIdOfJob } from "./ids.ts";
import { readVectors } from "./testing/vectors.ts";

interface IdVectors {
  derived: {
    id: string;
    traceId: string;
    spanId: string;
    attemptSpanIds: Record<string, string>;
    firing: { traceId: string; spanId: string };
  }[];
  uuids: { valid: string[]; invalid: string[] };
}

const vectors = readVectors<IdVectors>("ids");

const uuid = fc.uuid({ version: 7 });

describe("IdGenerator", () => {
  it("makes version 7 UUIDs of the RFC 9562 variant that begin with the time", () => {
    const id = new IdGenerator(() => 0x0123456789ab).next();
    expect(id).toMatch(/^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(isUuid(id)).toBe(true);
  });

  it("makes ids that sort as made and never repeat, also when the clock stands still or goes back", () => {
    let now = 1_000_000;
    const ids = new IdGenerator(() => now);
    const made: string[] = [];
    for (let i = 0; i < 20_000; i++) {
      if (i === 10_000) now -= 5_000;
      made.push(ids.next());
    }
    expect(made).toEqual([...made].sort());
    expect(new Set(made).size).toBe(made.length);
  });

  it("borrows from the next millisecond after 4,096 ids", () => {
    const ids = new IdGenerator(() => 1);
    const made = Array.from({ length: 4097 }, () => ids.next());
    expect(made[4095]!.slice(0, 18)).toBe("00000000-0001-7fff");
    expect(made[4096]!.slice(0, 18)).toBe("00000000-0002-7000");
  });

  it("does not repeat random bits when its pool is drawn again", () => {
    const ids = new IdGenerator(() => 1);
    const low = Array.from({ length: 3000 }, () => spanIdOf(ids.next()));
    expect(new Set(low).size).toBe(low.length);
  });
});

describe("isUuid", () => {
  it.each(vectors.uuids.valid)("takes %j", (text) => expect(isUuid(text)).toBe(true));

  it.each(vectors.uuids.invalid)("refuses %j", (text) => expect(isUuid(text)).toBe(false));
});

describe("derived ids", () => {
  it.each(vectors.derived)("of $id stay as released: stored traces name them (I1-I4)", (vector) => {
    const { id, attemptSpanIds } = vector;
    expect({
      id,
      traceId: traceIdOfJob(id),
      spanId: spanIdOf(id),
      attemptSpanIds: Object.fromEntries(
        Object.keys(attemptSpanIds).map((attempt) => [attempt, attemptSpanId(id, Number(attempt))]),
      ),
      firing: firingSpan(id),
    }).toEqual(vector);
  });

  it("takes the span id from the low 8 bytes, never zero (I2)", () => {
    fc.assert(
      fc.property(uuid, (any) => {
        expect(spanIdOf(any)).toMatch(/^[89ab][0-9a-f]{15}$/);
      }),
    );
  });

  it("gives every attempt of a task its own span id, unlike the task's", () => {
    fc.assert(
      fc.property(uuid, (task) => {
        const all = [spanIdOf(task), ...Array.from({ length: 100 }, (_, at) => attemptSpanId(task, at + 1))];
        expect(new Set(all).size).toBe(all.length);
      }),
    );
  });

  it("gives different tasks different span ids for the same attempt", () => {
    const attempt = fc.integer({ min: 1, max: 2 ** 32 - 1 });
    const flips = fc.array(fc.integer({ min: 0, max: 61 }), { minLength: 1 });
    fc.assert(
      fc.property(uuid, attempt, flips, (task, number, bits) => {
        const low = bits.reduce((value, bit) => value ^ (1n << BigInt(bit)), BigInt(`0x${spanIdOf(task)}`));
        const hex = low.toString(16).padStart(16, "0");
        const other = `${task.slice(0, 19)}${hex.slice(0, 4)}-${hex.slice(4)}`;
        fc.pre(other !== task);
        expect(attemptSpanId(other, number)).not.toBe(attemptSpanId(task, number));
      }),
    );
  });

  it("collides no more than chance over a hundred thousand attempts", () => {
    const ids = new IdGenerator(() => 1_700_000_000_000);
    const seen = new Set<string>();
    for (let i = 0; i < 20_000; i++) {
      const task = ids.next();
      for (let attempt = 1; attempt <= 5; attempt++) seen.add(attemptSpanId(task, attempt));
    }
    expect(seen.size).toBe(100_000);
  });
});

describe("the span of a firing", () => {
  it("has no id that a job, task or firing of another id has", () => {
    const seen = new Set<string>();
    const ids = new IdGenerator(() => 1_700_000_000_000);
    for (let i = 0; i < 1_000; i++) {
      const id = ids.next();
      const { traceId, spanId } = firingSpan(id);
      expect([traceId, spanId].map((text) => text.length)).toEqual([32, 16]);
      for (const each of [traceId, spanId, traceIdOfJob(id), spanIdOf(id)]) seen.add(each);
    }
    expect(seen.size).toBe(4_000);
  });
});

import { Dictionary, Int32, type RecordBatch, Table, Uint32, Utf8, vectorFromArray } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { LogLines, severityName } from "./log-lines.ts";

/** A batch as the server sends it, as far as lines are read from it. */
function batchOf(...records: readonly { at: number; body?: string; severity?: number }[]): RecordBatch {
  const times = vectorFromArray(Float64Array.from(records, ({ at }) => at));
  return new Table({
    time: times,
    severity_number: vectorFromArray(
      records.map(({ severity = 9 }) => severity),
      new Uint32(),
    ),
    body: vectorFromArray(
      records.map(({ at, body = `at ${at}` }) => body),
      new Utf8(),
    ),
    span_id: vectorFromArray(
      records.map(() => null),
      new Utf8(),
    ),
    task_name: vectorFromArray(
      records.map(() => "work"),
      new Dictionary(new Utf8(), new Int32()),
    ),
  }).batches[0]!;
}

const timesOf = (lines: LogLines) => Array.from({ length: lines.count }, (_, at) => lines.at(at).timeMs);

describe("lines of a log", () => {
  it("are in order of time also when records come late, and those of one time as they came", () => {
    const lines = new LogLines(100);
    lines.put(batchOf({ at: 10 }, { at: 30 }, { at: 50, body: "first" }));
    lines.put(batchOf({ at: 50, body: "second" }, { at: 20 }));
    lines.put(batchOf({ at: 60 }));
    expect(timesOf(lines)).toEqual([10, 20, 30, 50, 50, 60]);
    expect([lines.at(3).body, lines.at(4).body]).toEqual(["first", "second"]);
  });

  it("drop what came first when there are too many, and count it", () => {
    const lines = new LogLines(4);
    lines.put(batchOf({ at: 1 }, { at: 2 }));
    lines.put(batchOf({ at: 3 }, { at: 4 }));
    expect([lines.count, lines.dropped]).toEqual([4, 0]);
    lines.put(batchOf({ at: 5 }));
    expect([timesOf(lines), lines.dropped]).toEqual([[3, 4, 5], 2]);
    lines.put(batchOf({ at: 6 }, { at: 7 }, { at: 8 }, { at: 9 }, { at: 10 }));
    expect([timesOf(lines), lines.dropped]).toEqual([[6, 7, 8, 9, 10], 5]);
  });

  it("are there once when they come again, and as often as one batch has them", () => {
    const lines = new LogLines(100);
    lines.put(batchOf({ at: 1 }, { at: 2 }, { at: 2 }));
    lines.put(batchOf({ at: 1 }, { at: 2 }));
    lines.put(batchOf({ at: 2 }, { at: 2, body: "other" }, { at: 2, severity: 17 }, { at: 3 }));
    expect([timesOf(lines), lines.at(3).body]).toEqual([[1, 2, 2, 2, 2, 3], "other"]);
    lines.put(batchOf({ at: 3 }));
    lines.put(batchOf({ at: 3 }, { at: 3 }));
    expect(timesOf(lines)).toEqual([1, 2, 2, 2, 2, 3, 3]);
  });

  it("know a record again when others came before it or it is gone", () => {
    const lines = new LogLines(2);
    lines.put(batchOf({ at: 10 }));
    const record = lines.recordAt(0);
    lines.put(batchOf({ at: 5 }));
    expect([lines.lineOf(record), lines.at(1).timeMs]).toEqual([1, 10]);
    lines.put(batchOf({ at: 11 }, { at: 12 }));
    expect(lines.lineOf(record)).toBe(-1);
  });

  it("tell what a record has, and nothing of what it has not", () => {
    const lines = new LogLines(4);
    lines.put(batchOf({ at: 7, body: "<b>no</b>\nsecond", severity: 18 }));
    expect(lines.at(0)).toEqual({
      timeMs: 7,
      severity: "error",
      body: "<b>no</b>\nsecond",
      spanId: "",
      taskId: "",
      taskName: "work",
      attempt: 0,
      runnerId: "",
      scopeName: "",
      eventName: "",
    });
    expect(lines.attributesAt(0)).toEqual({});
  });
});

it("a severity number has the name of its four", () => {
  expect([0, 1, 4, 5, 9, 13, 16, 17, 21, 24, 99].map(severityName)).toEqual([
    "none",
    "trace",
    "trace",
    "debug",
    "info",
    "warn",
    "warn",
    "error",
    "fatal",
    "fatal",
    "none",
  ]);
});

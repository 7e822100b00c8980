import { expect, test } from "vitest";
import { logTo } from "../log-to.ts";
import { capturedContext } from "../testing/captured-context.ts";
import { formatDuration, parseDuration } from "./duration-text.ts";
import { screenText } from "./screen-text.ts";
import { manyLines, textTable } from "./text-table.ts";

test("durations are read in their units", () => {
  expect(["500ms", "30s", "1.5h", "2d"].map((text) => parseDuration(text, "--x"))).toEqual([
    500, 30_000, 5_400_000, 172_800_000,
  ]);
});

test.each(["", "5", "5 s", "-1s", "0s", "1w"])("%j is no duration", (text) => {
  expect(() => parseDuration(text, "--deadline")).toThrow(`cannot use --deadline "${text}"`);
});

test("durations are written in the unit that suits them", () => {
  expect([12.4, 3_400, 306_000, 7_380_000].map(formatDuration)).toEqual(["12 ms", "3.4 s", "5 m 06 s", "2 h 03 m"]);
});

test("tables are aligned and text from elsewhere cannot break them", () => {
  const rows = [
    { name: "a\n\u001b[31mb", count: 5 },
    { name: "long name", count: 1234 },
  ];
  const table = textTable(rows, [
    { title: "NAME", value: ({ name }) => name },
    { title: "COUNT", value: ({ count }) => count, right: true },
  ]);
  expect(table).toBe("NAME       COUNT\na �[31mb       5\nlong name   1234\n");
});

test("wide characters keep columns aligned, and a table is cut where it may be to fit", () => {
  const rows = [
    { id: "0190", name: "日本語のジョブ" },
    { id: "0191", name: "a name that goes on and on" },
  ];
  const columns = [
    { title: "NAME", value: ({ name }: { name: string }) => name, shrink: true },
    { title: "ID", value: ({ id }: { id: string }) => id },
  ];
  expect(textTable(rows, columns)).toBe(
    "NAME                        ID\n日本語のジョブ              0190\na name that goes on and on  0191\n",
  );
  expect(textTable(rows, columns, 20)).toBe("NAME            ID\n日本語のジョブ  0190\na name that g…  0191\n");
  expect(textTable(rows, columns, 5)).toBe("NAME        ID\n日本語の…   0190\na name th…  0191\n");
});

test("text on many lines keeps its lines and nothing that steers a terminal", () => {
  expect(manyLines("Error: a\r\n\tat b\u001b[2J\u2028c")).toBe("Error: a\n at b�[2J c");
});

test("a screen is drawn over the last one and cut to the terminal, wide characters too", () => {
  const text = "one\n日本語日本語\nthree\nfour\n";
  expect(screenText(text, { columns: 8, rows: 24 })).toBe(
    "\u001b[Hone\u001b[K\n日本語…\u001b[K\nthree\u001b[K\nfour\u001b[K\n\u001b[J",
  );
  expect(screenText(text, { columns: 80, rows: 4 })).toBe(
    "\u001b[Hone\u001b[K\n日本語日本語\u001b[K\n… 2 more lines\u001b[K\n\u001b[J",
  );
});

test("a column that others can do without is left out where there is no room", () => {
  const columns = [
    { title: "ID", value: () => "0190" },
    { title: "CREATED", value: () => "2030-01-01T00:00:00.000Z", spare: true },
    { title: "STATE", value: () => "RUNNING" },
  ];
  expect(textTable([0], columns, 39)).toBe(
    "ID    CREATED                   STATE\n0190  2030-01-01T00:00:00.000Z  RUNNING\n",
  );
  expect(textTable([0], columns, 38)).toBe("ID    STATE\n0190  RUNNING\n");
});

test("what a server tells of itself cannot steer whoever reads it", () => {
  const context = capturedContext();
  logTo(context.stderr)("cannot take a delivery to \u001b[2J\u001b]0;owned\u0007\n    at a");
  expect(context.err()).toBe("cannot take a delivery to �[2J�]0;owned�\n    at a\n");
});

test("states are coloured where colours are asked for, and what is only called so is not", () => {
  const columns = [
    { title: "NAME", value: ({ name }: { name: string }) => name },
    { title: "STATE", value: ({ state }: { state: string }) => state, state: true },
  ];
  const rows = [
    { name: "FAILED", state: "FAILED" },
    { name: "b", state: "QUEUED" },
    { name: "c", state: "MISSED x12" },
  ];
  expect(textTable(rows, columns, { width: 80, color: true })).toBe(
    "NAME    STATE\nFAILED  \u001b[31mFAILED\u001b[39m\nb       QUEUED\nc       \u001b[33mMISSED x12\u001b[39m\n",
  );
  expect(textTable(rows, columns, { width: 80, color: false })).not.toContain("\u001b");
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { buildProgram } from "./program.ts";
import { cannedAnswers } from "./testing/canned-answers.ts";
import { type CannedServer, startCannedServer } from "./testing/canned-server.ts";
import { capturedContext } from "./testing/captured-context.ts";
import { commandLines, standalone } from "./testing/command-lines.ts";
import { shownPage } from "./testing/shown-page.ts";

let server: CannedServer;
beforeAll(async () => {
  server = await startCannedServer(cannedAnswers);
});
afterAll(() => server[Symbol.asyncDispose]());

const id = (n: number) => `01900000-0000-7000-8000-${String(n).padStart(12, "0")}`;

/** Command lines that show more than the shortest of their command. */
const more: Readonly<Record<string, string[][]>> = {
  "job get": [
    ["job", "get", id(2), "--tasks"],
    ["job", "get", id(3)],
  ],
  "job wait": [["job", "wait", id(1), id(2)]],
  "job submit": [
    ["job", "submit", "add", "--watch"],
    ["job", "submit", "add", "--wait"],
  ],
  "task get": [["task", "get", id(22)]],
  "schedule get": [["schedule", "get", "paused"]],
  "schedule preview": [["schedule", "preview", "nightly"]],
  top: [["top", "--count", "1"]],
  "event publish": [["event", "publish", "order.paid", "--id", "order-7-paid"]],
};

/** Read from telemetry, and drawn by @spanloom/query, which has golden files of its own. */
const drawn = new Set(["spans", "logs", "critical-path", "compare", "export"]);

const commands = new Map<string, string[][]>();
for (const { command, args } of commandLines(buildProgram(capturedContext(), () => undefined))) {
  if (standalone.has(command) || drawn.has(command) || command === "task replay") continue;
  // One goes on for ever, and another prints an id that it makes up.
  const shortest = command === "top" || command === "event publish" ? [] : [args];
  commands.set(command, [...shortest, ...(more[command] ?? [])]);
}

test.each([...commands.keys()])("what %s prints, on terminals and elsewhere", async (command) => {
  const page = await shownPage(commands.get(command)!, server.url);
  await expect(page).toMatchFileSnapshot(`../testdata/text/${command.replaceAll(" ", "-")}.txt`);
});

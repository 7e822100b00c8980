import { afterAll, beforeAll, expect, test } from "vitest";
import { buildProgram } from "./program.ts";
import { runCli } from "./run-cli.ts";
import { cannedAnswers } from "./testing/canned-answers.ts";
import { type CannedServer, startCannedServer } from "./testing/canned-server.ts";
import { capturedContext } from "./testing/captured-context.ts";
import { commandLines, standalone } from "./testing/command-lines.ts";
import { holdHarmless } from "./testing/hold-harmless.ts";

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
  top: [["top", "--count", "1"]],
  "event publish": [["event", "publish", "order.paid", "--id", "order-7-paid"]],
};

/** Read from telemetry, and drawn by @spanloom/query, which has golden files of its own. */
const drawn = new Set(["spans", "logs", "critical-path", "compare", "export"]);

const commands = new Map<string, string[][]>();
for (const { command, args } of commandLines(buildProgram(capturedContext(), () => undefined))) {
  if (standalone.has(command) || drawn.has(command) || command === "task replay") continue;
  // One goes on for ever, and the other prints an id that it makes up.
  const shortest = command === "top" || command === "event publish" ? [] : [args];
  commands.set(command, [...shortest, ...(more[command] ?? [])]);
}

const views = [
  { view: "80 columns", isTTY: true, columns: 80, env: { NO_COLOR: "1" } },
  { view: "200 columns", isTTY: true, columns: 200, env: { NO_COLOR: "1" } },
  { view: "40 columns", isTTY: true, columns: 40, env: { NO_COLOR: "1" } },
  { view: "80 columns in colour", isTTY: true, columns: 80, env: {} },
  { view: "no terminal", isTTY: false, columns: 100, env: {} },
];

/** Escape sequences as text that can be read and compared. */
const visible = (text: string) => text.replaceAll("\u001b", "␛").replaceAll("\r", "␍");

test.each([...commands.keys()])("what %s prints, on terminals and elsewhere", async (command) => {
  let page = "";
  let before = "";
  for (const { view, ...terminal } of views) {
    let shown = "";
    for (const args of commands.get(command)!) {
      const context = capturedContext({ ...terminal, env: { ...terminal.env, SPANLOOM_URL: server.url } });
      const exitCode = await runCli(args, context);
      holdHarmless(context.out(), terminal.isTTY);
      holdHarmless(context.err(), terminal.isTTY);
      const err = context.err() === "" ? "" : `--- on the standard error\n${visible(context.err())}\n`;
      shown += `$ spanloom ${args.join(" ")}\n${visible(context.out())}${err}[${exitCode}]\n\n`;
    }
    // What looks the same is written once.
    page += shown === before ? `=== ${view}: as above\n\n` : `=== ${view}\n${shown}`;
    before = shown;
  }
  await expect(page).toMatchFileSnapshot(`../testdata/text/${command.replaceAll(" ", "-")}.txt`);
});

import { expect, test } from "vitest";
import { watchLine } from "./watch-line.ts";

test.each([
  ["Change detected in '/srv/shop/tasks/mail.ts'", "tasks/mail.ts changed"],
  ["Restarting '/x/spanloom.ts runner tasks.ts --json'", null],
  [
    "Failed running '/x/spanloom.ts runner tasks.ts'. Waiting for file changes before restarting...",
    "No tasks run: mend the code, and they start with the next change.",
  ],
])("%j is told as %j", (line, text) => {
  expect(watchLine(line, "/srv/shop")).toEqual({ text, isWatchers: true });
});

test("what a task prints is passed on as it is", () => {
  expect(watchLine("Restarting 'the pump'")).toEqual({ text: "Restarting 'the pump'", isWatchers: false });
});

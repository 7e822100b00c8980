import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir, waitFor } from "@spanloom/testing";
import { expect, it, onTestFinished } from "vitest";
import { WatchedFiles } from "./watched-files.ts";

function watched() {
  const folder = tempDir();
  const path = join(folder.path, "file");
  writeFileSync(path, "one");
  const log: string[] = [];
  const parse = ([text]: readonly string[]) => text;
  const options = { what: "names", paths: [path], parse, log: (line: string) => void log.push(line), intervalMs: 1 };
  const files = new WatchedFiles(options);
  onTestFinished(() => {
    files.stop();
    folder[Symbol.dispose]();
  });
  return { path, files, log };
}

it("notices what changed between the first reading and the first look", async () => {
  const { path, files } = watched();
  writeFileSync(path, "two");
  files.start();
  await waitFor(() => files.value === "two");
});

it("says once that a file is gone, keeps what it held, and takes it when it is back", async () => {
  const { path, files, log } = watched();
  files.start();
  rmSync(path);
  await waitFor(() => log.length > 0);
  expect(files.value).toBe("one");
  writeFileSync(path, "two");
  await waitFor(() => files.value === "two");
  expect(log.filter((line) => line.includes("keeping the names read before"))).toHaveLength(1);
});

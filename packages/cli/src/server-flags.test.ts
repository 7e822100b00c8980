import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { Command } from "commander";
import { expect, test } from "vitest";
import { addServerFlags, serverArguments } from "./server-flags.ts";
import { capturedContext } from "./testing/captured-context.ts";

const program = join(import.meta.dirname, "..", "..", "server", "src", "bin", "spanloom-server.ts");

const flagsOf = (help: string) => help.match(/^ +--[a-z-]+( <[^>]+>)?/gm)?.map((flag) => flag.trim().split(" ")) ?? [];

test("each flag of spanloom-server is one here, and takes a value where it does there", () => {
  const { stdout } = spawnSync(process.execPath, [program, "--help"], { encoding: "utf8" });
  const theirs = flagsOf(stdout).filter(([name = ""]) => !["--help", "--version", "--token"].includes(name));
  const { options } = addServerFlags(new Command());
  const told = (flags: readonly (readonly [string | undefined, boolean])[]) => flags.map(String).sort();
  expect(told(options.map(({ long, required }) => [long, required]))).toEqual(
    told(theirs.map(([name, value]) => [name, value !== undefined])),
  );
});

test("what was given is handed on, and nothing that was not", async () => {
  const given: string[][] = [];
  const command = addServerFlags(new Command("server").option("--token <token>")).action((_flags, self: Command) => {
    given.push(serverArguments(self, capturedContext({ env: { SPANLOOM_PORT: "1" } })));
  });
  await command.parseAsync(["--data-dir", "-x", "--no-console", "--insecure", "--token", "t"], { from: "user" });
  await command.parseAsync([], { from: "user" });
  expect(given[0]).toEqual(["--data-dir=-x", "--insecure", "--no-console", "--token=t"]);
});

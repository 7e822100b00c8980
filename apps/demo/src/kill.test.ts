import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generatedTree, writeTree } from "./fixture/package-tree.ts";
import { killRound } from "./kill-round.ts";

const ROUND_TIMEOUT_MS = 60_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kill-test-"));
  await writeTree(join(folder, "node_modules"), generatedTree(120, 900));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  [1, "kill"],
  [2, "kill"],
  [3, "freeze"],
] as const)(
  "a runner lost in mid-run costs neither work nor spans and ends no task twice (P1, P2, P7), seed %i, %s",
  async (seed, fault) => {
    const dir = join(folder, "node_modules");
    const result = await killRound({ dir, reportPath: join(folder, `report-${seed}.json`), seed, runners: 2, fault });
    expect(result).toMatchObject({ struck: true, broken: [] });
  },
  ROUND_TIMEOUT_MS,
);

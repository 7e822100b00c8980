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

test.each([1, 2, 3])(
  "a runner killed in mid-run costs neither work nor spans (P1, P2, P7), seed %i",
  async (seed) => {
    const dir = join(folder, "node_modules");
    const result = await killRound({ dir, reportPath: join(folder, `report-${seed}.json`), seed, runners: 2 });
    expect(result).toMatchObject({ killed: true, broken: [] });
  },
  ROUND_TIMEOUT_MS,
);

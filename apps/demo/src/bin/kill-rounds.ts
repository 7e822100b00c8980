#!/usr/bin/env node
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { generatedTree, writeTree } from "../fixture/package-tree.ts";
import { killRound } from "../kill-round.ts";

// Kills, or with --freeze stops and resumes, a runner in each of many seeded rounds and prints what held:
// node apps/demo/src/bin/kill-rounds.ts --rounds 20 --seed 1

const { values } = parseArgs({
  options: { rounds: { type: "string" }, seed: { type: "string" }, freeze: { type: "boolean" } },
});
const rounds = Number(values.rounds ?? 20);
const firstSeed = Number(values.seed ?? 1);
const fault = values.freeze ? "freeze" : "kill";
const stop = new AbortController();
process.once("SIGINT", () => stop.abort(new Error("cannot finish: SIGINT came")));

const folder = await mkdtemp(join(tmpdir(), "kill-rounds-"));
let [failed, lost] = [0, 0];
try {
  const dir = join(folder, "node_modules");
  await writeTree(dir, generatedTree(120, 900));
  for (let seed = firstSeed; seed < firstSeed + rounds; seed++) {
    const startedAtMs = performance.now();
    const reportPath = join(folder, `report-${seed}.json`);
    const result = await killRound({ dir, reportPath, seed, runners: 2 + (seed % 2), fault, signal: stop.signal });
    lost += result.lost;
    if (result.broken.length > 0) failed++;
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
    const verdict = result.broken.length === 0 ? "held" : `BROKEN: ${result.broken.join("; ")}`;
    process.stdout.write(
      `seed ${seed}: ${verdict} (${result.attempts} attempts, ${result.lost} lost, ${result.spans} spans, ${seconds} s)\n`,
    );
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.stdout.write(`${rounds - failed} of ${rounds} rounds held; ${lost} attempts were lost and done again\n`);
process.exitCode = failed === 0 ? 0 : 1;

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { findToolchains, listPackages, RunnerProcess, setUpPolyglot } from "@spanloom/demo/polyglot";
import type { ConsoleStage } from "./console-stage.ts";

/**
 * Runs the demo's audit in three languages, on the packages of this repository; gives the job's id.
 *
 * Errors: when a language is missing, naming it.
 */
export async function runMixedAudit(stage: ConsoleStage): Promise<string> {
  const write = (text: string) => void process.stderr.write(text);
  const commands = await setUpPolyglot(findToolchains(process.env), { write });
  const folder = mkdtempSync(path.join(tmpdir(), "mixed-audit-"));
  await using runners = new AsyncDisposableStack();
  runners.defer(() => rmSync(folder, { recursive: true }));
  for (const command of commands(stage.url)) {
    const env = { ...command.env, SPANLOOM_TOKEN: stage.token };
    await runners.use(new RunnerProcess({ ...command, env })).start();
  }
  const dir = path.resolve(import.meta.dirname, "..", "..", "node_modules");
  const input = { dir, workDir: path.join(folder, "work"), reportPath: path.join(folder, "report.json") };
  const job = await stage.client.jobs.submit(listPackages, input, { name: "dependency-audit" });
  await job.wait();
  return job.id;
}

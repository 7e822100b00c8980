import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { AuditReport } from "../audit/report.ts";
import { generatedTree, writeTree } from "../fixture/package-tree.ts";
import type { Summary } from "../summary.ts";

const PACKAGES = 60;
const LARGE_FILES = 900;
// The large package is hashed by as many subtasks as it takes for all of its files.
const PARTS = Math.ceil((LARGE_FILES + 2) / 400);
const submissions = [
  { from: "nodejs", to: "python", tasks: PACKAGES },
  { from: "python", to: "python", tasks: PARTS },
  { from: "nodejs", to: "go", tasks: 1 },
];
const waits = [{ from: "python", to: "go", tasks: PACKAGES }];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "polyglot-"));
  await writeTree(join(folder, "node_modules"), generatedTree(PACKAGES, LARGE_FILES));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the demo on the generated tree; fails unless it ends with exit code 0. */
async function runDemo(name: string, ...flags: string[]) {
  const out = join(folder, name);
  const program = join(import.meta.dirname, "..", "bin", "demo.ts");
  const args = [program, "--dir", join(folder, "node_modules"), "--out", out, ...flags];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 240_000 });
  const read = async (file: string) => JSON.parse(await readFile(join(out, file), "utf8")) as unknown;
  const summary = (await read("summary.json")) as Summary;
  return { stdout, summary, report: (await read("report.json")) as AuditReport };
}

/** What parsers say of broken JSON differs from language to language. */
function comparable({ brokenManifests, ...rest }: AuditReport) {
  return { ...rest, brokenManifests: brokenManifests.map(({ path, name }) => ({ path, name })) };
}

it("one job in TypeScript, Python and Go is one tree, and does what TypeScript does alone (P1, P6)", async () => {
  const { stdout, summary, report } = await runDemo("mixed", "--polyglot");
  expect(summary).toMatchObject({ state: "SUCCEEDED", orphans: 0, openSpans: 0, runners: 3 });
  const { runtimes, submitted, awaited, problems } = summary.runtimes!;
  expect(problems).toEqual([]);
  expect(runtimes.map(({ language, service, tasks, attempts }) => ({ language, service, tasks, attempts }))).toEqual([
    { language: "nodejs", service: "audit-lister", tasks: ["list-packages"], attempts: 1 },
    {
      language: "python",
      service: "audit-hasher",
      tasks: ["audit-files", "audit-package"],
      attempts: PACKAGES + PARTS,
    },
    { language: "go", service: "audit-merger", tasks: ["merge-report"], attempts: 1 },
  ]);
  // Each reads its manifest and walks; each but the large one hashes, whose parts do.
  const spans = [1, PACKAGES * 2 + PACKAGES - 1 + PARTS, 2];
  expect(runtimes.map((runtime) => runtime.spans)).toEqual(spans);
  // Python's are warnings of broken manifests, and of the package that was split.
  expect(runtimes.map(({ logs }) => logs)).toEqual([1, Math.floor(PACKAGES / 10) + 1, 2]);
  expect(submitted).toEqual(submissions);
  expect(awaited).toEqual(waits);
  for (const line of stdout.split("\n").filter((text) => !text.includes(folder)))
    expect(line.length).toBeLessThanOrEqual(100);

  expect(comparable(report)).toEqual(comparable((await runDemo("alone")).report));
});

it("a Python runner that is killed in mid-run costs neither work nor spans (P1, P7)", async () => {
  const { stdout, summary, report } = await runDemo("killed", "--polyglot", "--kill", "--seed", "1");
  expect(stdout).toContain("Killing runner");
  expect(summary).toMatchObject({ state: "SUCCEEDED", orphans: 0, openSpans: 0 });
  expect(summary.runtimes).toMatchObject({ submitted: submissions, awaited: waits, problems: [] });
  expect(report.totals).toMatchObject({ packages: PACKAGES, unreadableFiles: 0 });
});

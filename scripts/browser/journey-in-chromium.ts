import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "vitest";
import { useConsole } from "./use-console.ts";

const root = path.dirname(path.dirname(import.meta.dirname));

/** The demo's tasks, in two processes, as `npm run demo` has them. */
const program = {
  tasks: path.join(root, "apps/demo/src/tasks.ts"),
  serviceName: "dependency-audit",
};
const here = useConsole({ programs: [program, program] });

/** What the demo audits: a few packages, one of which has a broken manifest. */
function makePackages(folder: string): string {
  const dir = path.join(folder, "node_modules");
  for (const name of ["alpha", "beta", "broken", "delta"]) {
    const home = path.join(dir, name);
    mkdirSync(path.join(home, "lib"), { recursive: true });
    const manifest = JSON.stringify({ name, version: "1.0.0", license: "MIT" });
    writeFileSync(path.join(home, "package.json"), name === "broken" ? manifest.slice(0, -1) : manifest);
    for (let n = 0; n < 20; n++) writeFileSync(path.join(home, "lib", `${n}.js`), `// ${name} ${n}\n`.repeat(500));
  }
  return dir;
}

/** Submits an audit in the page. Shape: the job's id. */
async function submit(input: unknown, name: string): Promise<string> {
  await here.page.getByRole("button", { name: "Submit a job" }).first().click();
  const dialog = here.page.getByRole("dialog");
  await dialog.getByLabel("Task", { exact: true }).fill("list-packages");
  await dialog.getByLabel("Input, as JSON").fill(JSON.stringify(input));
  await dialog.getByLabel("Name of the job").fill(name);
  await dialog.getByLabel("Tags", { exact: true }).fill("team=platform");
  await dialog.getByRole("button", { name: "Submit", exact: true }).click();
  await here.page.waitForURL(/\/jobs\/[0-9a-f-]{36}$/);
  return here.page.url().split("/").at(-1)!;
}

/** Opens one of the tabs of the job that is shown. */
async function openTab(name: string): Promise<void> {
  const tabs = here.page.getByRole("navigation", { name: "Ways to look into the job" });
  await tabs.getByRole("link", { name, exact: true }).click();
}

/** Waits until the job's headline tells a state. */
async function seeState(name: string, state: string): Promise<void> {
  await here.page.getByRole("heading", { name: new RegExp(`${name}\\s+${state}`) }).waitFor();
}

/** Finds the one failed span of a name in the waterfall, by search. */
async function findFailedSpan(name: string): Promise<void> {
  await openTab("Waterfall");
  await here.page.getByLabel("Find spans").fill(name);
  await here.page.getByLabel(/failed only/).check();
  await here.page.getByRole("button", { name: "Next", exact: true }).click();
  await here.page.getByRole("complementary", { name: "Selected span" }).getByRole("heading", { name }).waitFor();
}

describe("a person with the console", () => {
  it("submits the demo's job, finds why it failed, mends it, retries it and compares it with another run", async () => {
    const dir = makePackages(here.stage.folder);
    // The report cannot be written where a file is in the place of its folder.
    const reports = path.join(here.stage.folder, "reports");
    writeFileSync(reports, "in the way");
    const input = { dir, workDir: path.join(here.stage.folder, "work"), reportPath: path.join(reports, "a.json") };
    await here.open("/jobs");
    const job = await submit(input, "audit");
    await seeState("audit", "failed");
    await here.page
      .getByLabel("Failure")
      .getByText(/EEXIST|ENOTDIR/)
      .first()
      .waitFor();
    await here.takePicture("journey-failed");

    await findFailedSpan("read manifest");
    const panel = here.page.getByRole("complementary", { name: "Selected span" });
    await panel.getByRole("heading", { name: "ManifestError" }).waitFor();
    await panel.getByText(/ManifestError: .*"broken".*\n\s+at /s).waitFor();
    await here.takePicture("journey-exception");
    await here.page.getByLabel(/failed only/).uncheck();
    await here.page.getByLabel("Find spans").fill("list-packages");
    await here.page.getByRole("button", { name: "Next", exact: true }).click();
    // The task comes first, then its attempt, which logged.
    await panel.getByRole("heading", { name: "list-packages" }).waitFor();
    await here.page.getByRole("button", { name: "Next", exact: true }).click();
    await panel.getByText("found packages").waitFor();
    await here.takePicture("journey-logs");

    rmSync(reports);
    await here.page.getByRole("button", { name: "Retry", exact: true }).click();
    await here.page.getByText("1 task runs again").waitFor();
    await seeState("audit", "succeeded");
    await openTab("Output");
    await here.page.getByText('"packages": 4').waitFor();

    await here.page.getByRole("link", { name: "Jobs", exact: true }).first().click();
    const other = await submit({ ...input, reportPath: path.join(reports, "b.json") }, "audit");
    await seeState("audit", "succeeded");
    await here.page.getByRole("button", { name: "Compare with…" }).click();
    await here.page.getByRole("dialog").getByRole("radio").check();
    await here.page.getByRole("button", { name: "Compare", exact: true }).click();
    await here.page.waitForURL(`**/compare/${job}/${other}`);
    await here.page.getByText("audit-package").first().waitFor();
    await here.takePicture("journey-compare");
  });
});

/**
 * Takes the pictures of the console that README.md and the docs show: `npm run screenshots [-- name...]`.
 *
 * A real server, runners and jobs; each page in light and dark, to docs/images. It needs a Chromium, and for the job in
 * three languages a Python and a Go.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { QueryClient } from "@spanloom/query";
import { setup } from "./browser/build-console.ts";
import type { ConsolePage } from "./browser/console-page.ts";
import { ConsoleStage } from "./browser/console-stage.ts";
import { runMixedAudit } from "./browser/mixed-audit.ts";
import { MovedTime, type Showcase, setUpShowcase } from "./browser/showcase.ts";
import { shrinkPng } from "./browser/shrink-png.ts";

/** A picture: where it is taken, and what is done there until it is as it should be. */
interface Picture {
  name: string;
  path: (jobs: Showcase & { mixed: string }) => string;
  prepare: (page: ConsolePage["page"]) => Promise<unknown>;
}

const pictures: readonly Picture[] = [
  { name: "jobs", path: () => "/jobs", prepare: (page) => page.locator("tbody tr").nth(8).waitFor() },
  {
    name: "waterfall",
    path: ({ failed }) => `/jobs/${failed}/waterfall?find=PUT+%2Fpages&failed=1`,
    prepare: async (page) => {
      await page.getByRole("button", { name: "Next", exact: true }).click();
      await page.locator(".span-stack").first().waitFor();
    },
  },
  {
    name: "graph",
    path: ({ failed }) => `/jobs/${failed}/graph`,
    prepare: (page) => page.locator("main svg").first().waitFor(),
  },
  {
    name: "critical-path",
    path: ({ succeeded }) => `/jobs/${succeeded}/critical-path`,
    prepare: (page) => page.locator("tbody tr").first().waitFor(),
  },
  {
    name: "flame",
    path: ({ succeeded }) => `/jobs/${succeeded}/flame`,
    prepare: (page) => page.locator("main canvas, main svg").first().waitFor(),
  },
  {
    name: "logs",
    path: ({ failed }) => `/jobs/${failed}/logs`,
    prepare: (page) => page.getByText("cdn.example answered 503").first().waitFor(),
  },
  {
    name: "explore",
    path: () => "/explore?service=shop-api",
    prepare: (page) => page.locator(".heat-cells").waitFor(),
  },
  {
    name: "compare",
    path: ({ before, succeeded }) => `/compare/${before}/${succeeded}`,
    prepare: (page) => page.locator("tbody tr").first().waitFor(),
  },
  { name: "queues", path: () => "/queues", prepare: (page) => page.locator("tbody tr").first().waitFor() },
  {
    name: "schedule",
    path: () => "/schedules?name=nightly+report",
    prepare: (page) => page.locator("tbody tr").first().waitFor(),
  },
  {
    name: "polyglot",
    path: ({ mixed }) => `/jobs/${mixed}/waterfall?find=read+hashes`,
    prepare: async (page) => {
      await page.getByRole("button", { name: "Next", exact: true }).click();
      await page.getByText("audit-merger").first().waitFor();
    },
  },
];

const wanted = process.argv.slice(2);
const folder = process.env.SPANLOOM_PICTURES ?? path.join(import.meta.dirname, "../docs/images");
mkdirSync(folder, { recursive: true });
await setup();
using time = new MovedTime();
await using stage = new ConsoleStage({ server: { clock: time.clock } });
await stage.start();
await using runners = new AsyncDisposableStack();
const isWanted = ({ name }: Picture) => wanted.length === 0 || wanted.includes(name);
const mixed = pictures.some((each) => each.name === "polyglot" && isWanted(each)) ? await runMixedAudit(stage) : "";
const jobs = { ...(await setUpShowcase({ stage, time, runners })), mixed };
await waitForSpans(jobs);
for (const picture of pictures) {
  if (!isWanted(picture)) continue;
  for (const colorScheme of ["light", "dark"] as const) await take(picture, colorScheme);
}
process.stdout.write(`screenshots: ${folder}\n`);

/** Spans come some time after the jobs have ended. */
async function waitForSpans({ succeeded }: Showcase): Promise<void> {
  const query = new QueryClient({ url: stage.url, token: stage.token });
  const open = () => query.spans({ job: succeeded, open: true }).columns("name").toArrow();
  while ((await open()).numRows > 0) await new Promise((resolve) => setTimeout(resolve, 200));
}

async function take({ name, path: where, prepare }: Picture, colorScheme: "light" | "dark"): Promise<void> {
  await using opened = await stage.newPage({ colorScheme, reducedMotion: "reduce" });
  await opened.open(where(jobs));
  await prepare(opened.page);
  await opened.page.mouse.move(0, 0);
  // Charts and canvases draw in the frames that follow.
  await opened.page.evaluate(() => new Promise((drawn) => setTimeout(drawn, 700)));
  const picture = shrinkPng(await opened.page.screenshot());
  writeFileSync(path.join(folder, `${name}-${colorScheme}.png`), picture);
  for (const complaint of opened.complaints) process.stderr.write(`${name}: ${complaint}\n`);
}

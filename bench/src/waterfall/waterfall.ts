import { type Browser, chromium } from "playwright-core";
import { median, percentile, rounded } from "../measure/statistics.ts";
import type { BenchOptions } from "../options.ts";
import { BenchProcess } from "../processes/bench-process.ts";
import type { PayloadOptions } from "../spans/span-payloads.ts";
import { findBrowser } from "./find-browser.ts";
import type { WaterfallJob } from "./waterfall-job.ts";
import { firstPaintMs, frameTimesMs, type Movement, movements, zoomIn } from "./waterfall-page.ts";

/** Names for `--only`. */
export const waterfallMeasures = ["100k", "1m"] as const;

type Size = (typeof waterfallMeasures)[number];

/** Times between frames, in milliseconds. */
type FrameFigures = Record<"p50" | "p95" | "p99", number>;

/** What `bench waterfall` measures of a job of one size. */
export type WaterfallSizeFigures = Record<Movement, FrameFigures> & {
  spans: number;
  /** The first time a browser opens it, with nothing cached or compiled. */
  firstPaintColdMs: number;
  firstPaintMs: number;
};

/** Measures that were not asked for are absent. */
export type WaterfallFigures = Partial<Record<Size, WaterfallSizeFigures>>;

const SPANS: Record<Size, number> = { "100k": 100_000, "1m": 1_000_000 };
const CHILDREN = 100;
const CONNECTIONS = 4;
const BATCH = 512;
const OPENINGS = 5;
const VIEWPORT = { width: 1_440, height: 900 };

interface Bench {
  options: BenchOptions;
  url: string;
  client: BenchProcess;
  generator: BenchProcess;
  browser: Browser;
}

/** Measures the console's waterfall in a Chromium, with server, runner and sender as processes of their own. */
export async function benchWaterfall(options: BenchOptions, dataDir: string): Promise<WaterfallFigures> {
  const executablePath = findBrowser(process.env);
  const profile = options.cpuProfDir ? { cpuProfDir: options.cpuProfDir } : {};
  await using server = new BenchProcess({ name: "server", ...profile });
  const url = await server.call<string>("start", { dataDir });
  await requireConsole(url);
  await using runner = new BenchProcess({ name: "runner" });
  await runner.call("start", { url, concurrency: 10 });
  await using generator = new BenchProcess({ name: "generator" });
  await using client = new BenchProcess({ name: "client" });
  await client.call("start", { url });
  const figures: WaterfallFigures = {};
  for (const size of waterfallMeasures) {
    if (options.only && !options.only.includes(size)) continue;
    // Without a window there is no display to wait for: frames come at 60 a second.
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
    try {
      figures[size] = await measureSize({ options, url, client, generator, browser }, SPANS[size] * options.scale);
    } finally {
      await browser.close();
    }
  }
  return figures;
}

/** Errors: when the server has no console to show. */
async function requireConsole(url: string): Promise<void> {
  const answer = await fetch(url, { headers: { accept: "text/html" } });
  if (answer.headers.get("content-type")?.startsWith("text/html")) return;
  throw new Error("cannot open the console: the server has none to show; build it first (npm run build)");
}

async function measureSize({ options, url, client, generator, browser }: Bench, wanted: number) {
  const spans = Math.round(wanted);
  const made = await client.call<WaterfallJob>("waterfallJob", { children: CHILDREN });
  const job: PayloadOptions = { ...made, spans, batch: BATCH, seed: 1 };
  await generator.call("load", { url, connections: CONNECTIONS, job });
  await client.call("toArrow", { jobId: job.jobId, narrow: true });
  const page = await browser.newPage({ viewport: VIEWPORT });
  const where = `${url}/jobs/${job.jobId}/waterfall`;
  const firstPaintColdMs = rounded(await firstPaintMs(page, where, spans));
  const times: number[] = [];
  for (let opening = 0; opening < Math.max(OPENINGS, options.repeat); opening++)
    times.push(await firstPaintMs(page, where, spans));
  options.note(`${spans} spans: first paint ${firstPaintColdMs} ms cold, then ${times.map(Math.round).join(", ")}`);
  await zoomIn(page);
  const frames = {} as Record<Movement, FrameFigures>;
  for (const movement of movements) frames[movement] = frameFigures(await frameTimesMs(page, movement));
  return { spans, firstPaintColdMs, firstPaintMs: rounded(median(times)), ...frames };
}

function frameFigures(times: readonly number[]): FrameFigures {
  const at = (part: number) => rounded(percentile(times, part));
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

import { QueryClient } from "@spanloom/query";
import { describe, expect, it } from "vitest";
import { hostileFailure, hostileName, hostileRoot, hostileTags, hostileTask } from "./hostile-job.ts";
import { useConsole } from "./use-console.ts";

const here = useConsole({ tasks: [hostileRoot, hostileTask, hostileFailure] });

/** Runs two jobs whose every text is hostile, once for all tests. Shape: their ids. */
let submitted: Promise<string[]> | undefined;
function hostileJobs(): Promise<string[]> {
  submitted ??= Promise.all(
    [1, 2].map(async () => {
      const job = await here.client.jobs.submit(hostileRoot, null, { name: hostileName, tags: hostileTags });
      await job.wait();
      return job.id;
    }),
  );
  return submitted;
}

/** Every place that the navigation leads to, the job's tabs, and a page that there is not. */
async function everyPlace(): Promise<string[]> {
  const [job, other] = await hostileJobs();
  await here.open(`/jobs/${job}`);
  const pathsOf = (name: string) =>
    here.page
      .getByRole("navigation", { name })
      .getByRole("link")
      .evaluateAll((links) => links.map((link) => link.getAttribute("href") ?? ""));
  await here.page.getByRole("navigation", { name: "Ways to look into the job" }).waitFor();
  const places = [...(await pathsOf("Spanloom")), ...(await pathsOf("Ways to look into the job"))];
  const span = `/jobs/${job}/waterfall?span=${await hostileSpan(job!)}`;
  return [...new Set([...places, span, `/compare/${job}/${other}`, "/nothing"])];
}

/** A span with attributes and events as bad as its name; it comes some time after the job has ended. */
async function hostileSpan(job: string): Promise<string> {
  const spans = new QueryClient({ url: here.url, token: here.stage.token }).spans({ job, type: "user" });
  const found = async () => (await spans.columns("span_id").toArrow()).get(0)?.span_id as string | undefined;
  await expect.poll(found).toBeDefined();
  return (await found())!;
}

/** Opens a place and waits until it shows what it has. */
async function see(place: string): Promise<void> {
  await here.open(place);
  await here.page.locator("main :is(h1, h2)").first().waitFor();
  await expect.poll(() => here.page.locator(".loading, [aria-busy=true], :text('loading…')").count()).toBe(0);
}

function pictureName(place: string, of: string): string {
  return `${place.replace(/[0-9a-f-]{16,}/g, "id").replaceAll(/[/?=]/g, "_")}-${of}`;
}

describe("every page and tab", () => {
  it.each(["light", "dark"] as const)("has no serious barrier in %s", async (colorScheme) => {
    const places = await everyPlace();
    await here.page.emulateMedia({ colorScheme });
    for (const place of places) {
      await see(place);
      await here.takePicture(pictureName(place, colorScheme));
      expect([place, await here.seriousFindings()]).toEqual([place, []]);
    }
  });

  it.each([1280, 390])("shows a job full of markup, odd directions and long words, %i pixels wide", async (width) => {
    const places = await everyPlace();
    await here.page.setViewportSize({ width, height: 800 });
    for (const place of places) {
      await see(place);
      await here.takePicture(pictureName(place, String(width)));
      expect([place, await here.wideParts()]).toEqual([place, []]);
      expect([place, await here.page.locator("img, [data-taken], main script").count()]).toEqual([place, 0]);
      expect([place, await here.page.title()]).not.toEqual([place, "taken"]);
    }
  });
});

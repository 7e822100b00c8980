import type { Page } from "playwright-core";

/** What is done in every frame while frames are timed. */
export const movements = ["pan", "scroll", "zoom"] as const;

export type Movement = (typeof movements)[number];

const FRAMES = 300;
const SHOWN_WITHIN_MS = 60_000;

/** Opens the waterfall; milliseconds from the beginning of the navigation until a frame with all spans was shown. */
export async function firstPaintMs(page: Page, url: string, spans: number): Promise<number> {
  await page.goto(url);
  await page.waitForFunction(
    (count) => Number(document.querySelector<HTMLElement>("[data-spans]")?.dataset.spans ?? 0) >= count,
    spans,
    { polling: "raf", timeout: SHOWN_WITHIN_MS },
  );
  // The first frame after it draws, the second begins when that has been shown.
  return page.evaluate(() => new Promise<number>((shown) => requestAnimationFrame(() => requestAnimationFrame(shown))));
}

/** Zooms to a twentieth of the time, so that there is something to pan and bars of all lengths are in sight. */
export async function zoomIn(page: Page): Promise<void> {
  await page.getByRole("tree").focus();
  for (let step = 0; step < 8; step++) await page.keyboard.press("+");
}

/** Milliseconds between frames while the wheel pans, scrolls or zooms in each of them. */
export function frameTimesMs(page: Page, movement: Movement): Promise<number[]> {
  return page.evaluate(
    async ({ movement, frames }) => {
      const canvas = document.querySelector(".waterfall-lines canvas")!;
      const { left, top, width, height } = canvas.getBoundingClientRect();
      const forth = (frame: number) => frame % 120 < 60;
      const moves = {
        pan: (frame: number) => ({ shiftKey: true, deltaY: forth(frame) ? 40 : -40 }),
        scroll: (frame: number) => ({ deltaY: forth(frame) ? 900 : -700 }),
        zoom: (frame: number) => ({ ctrlKey: true, deltaY: forth(frame) ? -60 : 60 }),
      };
      const place = { clientX: left + width * 0.7, clientY: top + height / 2, bubbles: true, cancelable: true };
      const times: number[] = [];
      let last = await new Promise(requestAnimationFrame);
      for (let frame = 0; frame < frames; frame++) {
        canvas.dispatchEvent(new WheelEvent("wheel", { ...moves[movement](frame), ...place }));
        const now = await new Promise(requestAnimationFrame);
        times.push(now - last);
        last = now;
      }
      return times;
    },
    { movement, frames: FRAMES },
  );
}

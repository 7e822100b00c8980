import { type ReactNode, useLayoutEffect, useRef } from "react";

/**
 * What scrolls or is drawn within itself, with what stands beside it: as high as the window has room below its top,
 * whatever comes and goes above it. The room stands in `--room`.
 */
export function ViewBody({ className = "view-body", children }: { className?: string; children: ReactNode }) {
  const body = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = body.current;
    if (!element) return;
    const fit = () => {
      // Of what is not displayed no place is known.
      if (element.getClientRects().length === 0) return;
      const top = element.getBoundingClientRect().top + scrollY;
      element.style.setProperty("--room", `${roomPx(top, innerHeight)}px`);
    };
    fit();
    const moved = new ResizeObserver(fit);
    for (const each of [element, document.getElementById("main")]) if (each) moved.observe(each);
    addEventListener("resize", fit);
    return () => {
      moved.disconnect();
      removeEventListener("resize", fit);
    };
  }, []);
  return (
    <div ref={body} className={className}>
      {children}
    </div>
  );
}

/** What is left free below. */
const BELOW_PX = 16;
/** Less could not be worked with: then the page scrolls. */
const LEAST_PX = 320;

/** What is left of a window below a top; never too little to be of use. */
export function roomPx(topPx: number, windowPx: number): number {
  return Math.max(LEAST_PX, Math.floor(windowPx - topPx - BELOW_PX));
}

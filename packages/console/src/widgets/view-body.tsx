import { type ReactNode, type RefObject, useLayoutEffect, useRef } from "react";

/** What scrolls or is drawn within itself, with what stands beside it: as high as the window has room below its top. */
export function ViewBody({ children }: { children: ReactNode }) {
  const body = useRef<HTMLDivElement>(null);
  useRoom(body);
  return (
    <div ref={body} className="view-body">
      {children}
    </div>
  );
}

/** What is left free below. */
const BELOW_PX = 16;
/** Less could not be worked with: then the page scrolls. */
const LEAST_PX = 320;

/** Keeps an element as high as what is left of the window below its top, whatever comes and goes above it. */
export function useRoom(element: RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => {
    const fit = () => {
      const { current } = element;
      if (!current) return;
      const top = current.getBoundingClientRect().top + scrollY;
      current.style.height = `${Math.max(LEAST_PX, Math.floor(innerHeight - top - BELOW_PX))}px`;
    };
    fit();
    const moved = new ResizeObserver(fit);
    moved.observe(document.getElementById("main") ?? document.body);
    addEventListener("resize", fit);
    return () => {
      moved.disconnect();
      removeEventListener("resize", fit);
    };
  }, [element]);
}

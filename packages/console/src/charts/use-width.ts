import { type RefObject, useEffect, useRef, useState } from "react";

/** The width of an element in pixels, as it changes. */
export function useWidth<Kind extends Element>(): [RefObject<Kind | null>, number] {
  const element = useRef<Kind>(null);
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const mine = element.current;
    if (!mine) return;
    const observer = new ResizeObserver(([entry]) =>
      setWidth(Math.max(120, Math.floor(entry?.contentRect.width ?? 0))),
    );
    observer.observe(mine);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}

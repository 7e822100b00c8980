import { type ReactNode, useEffect, useRef } from "react";

/** A button that opens a box below it; Escape, a press elsewhere, and what `children` calls close it. */
export function Menu({ label, children }: { label: string; children: (close: () => void) => ReactNode }) {
  const box = useRef<HTMLDetailsElement>(null);
  const close = () => {
    if (box.current) box.current.open = false;
  };
  useEffect(() => {
    const press = ({ target }: PointerEvent) => {
      if (target instanceof Node && !box.current?.contains(target)) close();
    };
    const leave = ({ key }: KeyboardEvent) => {
      if (key !== "Escape" || !box.current?.open) return;
      close();
      box.current.querySelector("summary")?.focus();
    };
    addEventListener("pointerdown", press);
    addEventListener("keydown", leave);
    return () => {
      removeEventListener("pointerdown", press);
      removeEventListener("keydown", leave);
    };
  });
  return (
    <details className="menu" ref={box}>
      <summary className="button">{label}</summary>
      <div className="menu-body">{children(close)}</div>
    </details>
  );
}

import type { FlameDrawing } from "./flame-session.ts";

/** The node that names lead to from the top; the last that there is, when they lead nowhere any more. */
export function nodeOfPath({ flame, names }: Pick<FlameDrawing, "flame" | "names">, path: readonly string[]): number {
  let node = 0;
  for (const name of path) {
    let child = flame.firstChild[node]!;
    while (child !== 0 && names[flame.name[child]!] !== name) child = flame.nextSibling[child]!;
    if (child === 0) return node;
    node = child;
  }
  return node;
}

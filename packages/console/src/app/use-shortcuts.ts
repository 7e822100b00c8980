import { useEffect } from "react";
import { navigation } from "./navigation.ts";

/** What a press of a key asks for. */
export type Shortcut =
  | { kind: "go"; path: string }
  | { kind: "search" }
  | { kind: "help" }
  | { kind: "row"; step: 1 | -1 };

/** How long after `g` its second letter may come. */
const PAIR_MS = 1_500;

/** Reads presses as shortcuts: `g` and a letter, `/`, `?`, `j` and `k`. */
export class ShortcutReader {
  #goPressedAtMs = Number.NEGATIVE_INFINITY;

  /** What a press asks for; undefined when nothing, or not yet. */
  read(key: string, nowMs: number): Shortcut | undefined {
    const second = nowMs - this.#goPressedAtMs < PAIR_MS;
    this.#goPressedAtMs = key === "g" && !second ? nowMs : Number.NEGATIVE_INFINITY;
    if (second) {
      const entry = navigation.find((each) => each.key === key);
      return entry && { kind: "go", path: entry.path };
    }
    if (key === "/") return { kind: "search" };
    if (key === "?") return { kind: "help" };
    if (key === "j" || key === "k") return { kind: "row", step: key === "j" ? 1 : -1 };
    return undefined;
  }
}

/** Hands shortcuts to a callback, except what is typed into a field or over a dialog. */
export function useShortcuts(handle: (shortcut: Shortcut) => void): void {
  useEffect(() => {
    const reader = new ShortcutReader();
    const listen = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const shortcut = reader.read(event.key, event.timeStamp);
      if (!shortcut) return;
      event.preventDefault();
      handle(shortcut);
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, [handle]);
}

function isTyping(target: EventTarget | null): boolean {
  // A dialog that was closed keeps the focus until the browser draws again.
  return target instanceof Element && target.closest("input, textarea, select, dialog[open]") !== null;
}

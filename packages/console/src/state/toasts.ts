import { ValueStore } from "./value-store.ts";

/** A short message about something the user did. */
export interface Toast {
  id: number;
  tone: "good" | "bad";
  text: string;
  /** Where to read more. */
  href?: string | undefined;
}

const LASTS_MS = 6_000;
/** What went wrong takes longer to read. */
const ERROR_LASTS_MS = 15_000;
const MOST = 4;

export const toasts = new ValueStore<readonly Toast[]>([]);
let lastId = 0;

/** Shows a message for a while. */
export function showToast(tone: Toast["tone"], text: string, href?: string): void {
  const id = ++lastId;
  toasts.set([...toasts.get().slice(1 - MOST), { id, tone, text, href }]);
  setTimeout(() => dismissToast(id), tone === "bad" ? ERROR_LASTS_MS : LASTS_MS);
}

export function dismissToast(id: number): void {
  toasts.set(toasts.get().filter((toast) => toast.id !== id));
}

import { SpanloomError } from "@spanloom/protocol";
import type { ForwardFrom } from "./forwarder.ts";

/** Where an exporter begins, from text. Errors: INVALID_FIELD naming the source of the text. */
export function parseForwardFrom(source: string, text: string): ForwardFrom {
  if (text === "now" || text === "beginning") return text;
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (ms >= 0) return BigInt(ms) * 1000n;
  throw new SpanloomError(
    "INVALID_FIELD",
    `cannot use ${source} "${text}": it must be now, beginning or a time as 2026-11-21T12:00:00Z`,
    { field: source },
  );
}

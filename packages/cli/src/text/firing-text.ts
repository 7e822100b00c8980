import type { FiringSnapshot } from "@spanloom/sdk";
import { type TableStyle, textTable } from "./text-table.ts";

/** A definition's last firing in a list: how its job stands, or why there is none. */
export function lastText(firing: FiringSnapshot | undefined): string {
  return firing?.jobState ?? firing?.outcome ?? "";
}

/** Firings as a table. */
export function firingsText(firings: readonly FiringSnapshot[], style?: TableStyle): string {
  if (firings.length === 0) return "No firings.\n";
  return textTable(
    firings,
    [
      { title: "FOR", value: ({ scheduledAt }) => scheduledAt.toISOString() },
      { title: "OUTCOME", value: ({ outcome, count }) => (count > 1 ? `${outcome} x${count}` : outcome), state: true },
      { title: "FIRED", value: ({ firedAt }) => firedAt.toISOString(), spare: true },
      { title: "JOB", value: ({ jobId = "" }) => jobId },
      { title: "STATE", value: ({ jobState = "" }) => jobState, state: true },
      { title: "EVENT", value: ({ eventId = "" }) => eventId, spare: true },
      { title: "ERROR", value: ({ error = "" }) => error, shrink: true },
    ],
    style,
  );
}

import type { Schedule, Trigger } from "@spanloom/protocol";
import { dateOf } from "../date-of.ts";
import { type FiringSnapshot, toFiringSnapshot } from "./firing-snapshot.ts";
import { type TemplateSnapshot, toTemplateSnapshot } from "./template-snapshot.ts";

/** What schedules and triggers have in common, as they stood when the server answered. */
export interface DefinitionSnapshot {
  /** UUIDv7; one that is deleted and made again has another. */
  id: string;
  /** Its name. */
  name: string;
  /** What it is for. */
  description: string;
  /** What it submits. */
  job: TemplateSnapshot;
  /** How many firings are kept. */
  keepFirings: number;
  /** It does not fire. */
  paused: boolean;
  /** Why, as whoever paused it said. */
  pauseReason?: string;
  /** When it was made. */
  createdAt: Date;
  /** When it was changed last. */
  updatedAt: Date;
  /** Its latest firing. */
  lastFiring?: FiringSnapshot;
  /** The latest error of a firing, until one succeeds. */
  lastError?: { message: string; at: Date };
  /** Raised by every change of its content. */
  revision: number;
}

/** The common part as a plain object; what does not apply is left out. */
export function toDefinitionSnapshot(record: Schedule | Trigger): DefinitionSnapshot {
  const { id, name, description, keepFirings, paused, pauseReason, lastFiring, lastError } = record;
  return {
    ...{ id, name, description, keepFirings, paused },
    job: record.job ? toTemplateSnapshot(record.job) : { name: "", tags: {}, queue: "", priority: 0, tasks: [] },
    ...(pauseReason && { pauseReason }),
    createdAt: dateOf(record.createdAt) ?? new Date(0),
    updatedAt: dateOf(record.updatedAt) ?? new Date(0),
    ...(lastFiring && { lastFiring: toFiringSnapshot(lastFiring) }),
    ...(lastError && { lastError: { message: lastError, at: dateOf(record.lastErrorAt) ?? new Date(0) } }),
    revision: Number(record.revision),
  };
}

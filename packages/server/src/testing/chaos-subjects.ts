import type { ChaosSubject } from "@spanloom/testing";
import { sqliteChaos } from "./sqlite-chaos.ts";

/** Stores that can be run against, by name. */
export const chaosSubjects: Readonly<Record<string, ChaosSubject>> = { sqlite: sqliteChaos };

import { fromBinary } from "@bufbuild/protobuf";
import { type Limits, PutScheduleRequestSchema } from "@spanloom/protocol";
import {
  readCatchUpUs,
  readSchedule,
  readTimes,
  type ScheduleDefinition,
} from "../engine/trigger/schedule-definition.ts";
import type { DefinitionRecord } from "../store/trigger-store.ts";

/** What is known of a schedule: all of it, or only its times and why there is no job, or not even those. */
export type DecodedSchedule =
  | { kind: "whole"; definition: ScheduleDefinition }
  | { kind: "times"; times: Pick<ScheduleDefinition, "spec" | "jitterUs" | "catchUpUs">; error: string }
  | { kind: "none"; error: string };

/** Definitions are kept decoded up to so many encoded bytes: 10,000 schedules of some kilobytes each. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Schedules decoded once for each revision, and not for each time that they fire: that would cost ten times a firing. */
export class DecodedSchedules {
  readonly #limits: Limits;
  /** In the order of their use. */
  readonly #known = new Map<string, { revision: number; bytes: number; decoded: DecodedSchedule }>();
  #bytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Reads a schedule. What cannot be read of it is told, not thrown: another server may have written it. */
  get({ id, revision, body }: DefinitionRecord): DecodedSchedule {
    const known = this.#known.get(id);
    if (known?.revision === revision) return known.decoded;
    if (known) this.#forget(id, known.bytes);
    const decoded = decode(body, this.#limits);
    this.#known.set(id, { revision, bytes: body.length, decoded });
    this.#bytes += body.length;
    for (const [oldest, { bytes }] of this.#known) {
      if (this.#bytes <= MAX_BYTES || oldest === id) break;
      this.#forget(oldest, bytes);
    }
    return decoded;
  }

  #forget(id: string, bytes: number): void {
    this.#known.delete(id);
    this.#bytes -= bytes;
  }
}

/** A server with lower limits than that which took the schedule refuses its jobs, but still knows its times. */
function decode(body: Uint8Array, limits: Limits): DecodedSchedule {
  try {
    const request = fromBinary(PutScheduleRequestSchema, body);
    try {
      return { kind: "whole", definition: readSchedule(request, limits) };
    } catch (error) {
      const times = { ...readTimes(request.spec), catchUpUs: readCatchUpUs(request.catchUp) };
      return { kind: "times", times, error: (error as Error).message };
    }
  } catch (error) {
    return { kind: "none", error: `cannot read the schedule: ${(error as Error).message}` };
  }
}

import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { attributeNames, SpanloomError } from "@spanloom/protocol";
import type { Clock } from "../../clock.ts";
import type { Store } from "../../store/store.ts";
import type { LeasedAttempt, OtlpPayload, RunnerTimes, TelemetrySender } from "../telemetry.ts";
import { attemptKey, type PayloadTimes, payloadTimes, spanTimes, timeKinds } from "./payload-times.ts";
import { CLOCK_TOLERANCE_US, type ClockStretch, RunnerClock } from "./runner-clock.ts";

/** Attempts and runners remembered: some 4 MB. Attempts forgotten are read from the record. */
const MAX_ATTEMPTS = 20_000;
const MAX_RUNNERS = 10_000;
/** Open spans remembered of one attempt. */
const MAX_OPEN_SPANS = 10_000;
/** Corrections below this are not worth telling: clocks of one machine read as far apart. */
const LEAST_TOLD_US = 10_000;

/** What the correction needs. */
export interface TimeCorrectionOptions {
  store: Pick<Store, "readLifecycle">;
  clock: Pick<Clock, "nowUs">;
}

interface AttemptTimes {
  leasedAtUs: number;
  /** What its times are off besides the runner's measured offset, by stretch of the runner's clock. */
  fits: Fit[] | undefined;
  /** Starts of spans that came without an end, by span id: what comes later of them begins there. */
  open: Map<string, bigint> | undefined;
}

/**
 * Brings times of runners to the server's clock, by which attempts are placed.
 *
 * I1. A corrected time is not before its attempt was leased and not after it was received; a span does not end before it
 *     starts. So no child of an attempt starts before it.
 * I2. Within an attempt times keep their order, and their distances but for what I1 cuts.
 * I3. A span that comes again, or first without an end, starts where it did.
 * I4. Nothing here fails: what cannot be read is left as it is, for ingest to judge (P4).
 *
 * A runner that knows the server's clock has corrected its times itself, all servers alike: of these the same is only
 * cut off where it lies outside, which for a start is the same wherever it arrives.
 *
 * Bytes are changed in place: what is spooled, stored and read back is the corrected time.
 */
export class TimeCorrection implements RunnerTimes {
  readonly #options: TimeCorrectionOptions;
  /** The least recently used first. */
  readonly #clocks = new Map<string, RunnerClock>();
  readonly #attempts = new Map<string, AttemptTimes>();

  constructor(options: TimeCorrectionOptions) {
    this.#options = options;
  }

  heard(runnerId: string, sentAtUs: number): void {
    if (!(sentAtUs > 0)) return;
    const clock = this.#clocks.get(runnerId) ?? new RunnerClock();
    clock.heard(sentAtUs, this.#options.clock.nowUs());
    this.#clocks.delete(runnerId);
    this.#clocks.set(runnerId, clock);
    forgetOldest(this.#clocks, MAX_RUNNERS);
  }

  leased(attempts: Iterable<LeasedAttempt>): void {
    for (const { taskId, attempt, leasedAtUs } of attempts) {
      this.#attempts.set(attemptKey(taskId, attempt), { leasedAtUs, fits: undefined, open: undefined });
    }
    forgetOldest(this.#attempts, MAX_ATTEMPTS);
  }

  async correct(sender: TelemetrySender, payloads: readonly OtlpPayload[]): Promise<void> {
    const receivedAtUs = this.#options.clock.nowUs();
    const found = payloads.flatMap((payload) => readable(() => payloadTimes(payload)) ?? []);
    const unknown = found.flatMap(({ attempts }) => attempts.filter((key) => key !== "" && !this.#attempts.has(key)));
    if (unknown.length > 0) await this.#recall(unknown);
    const correction = { clock: this.#clockOf(sender), receivedAtUs };
    const states = found.map((times) => this.#statesOf(times));
    if (sender.clockOffsetUs === undefined) fit(found, states, correction);
    for (const [i, times] of found.entries()) apply(times, states[i]!, correction);
  }

  correctExtras(
    sender: TelemetrySender,
    { taskId, attempt }: { taskId: string; attempt: number },
    extras: Uint8Array,
  ): Uint8Array {
    const clock = this.#clockOf(sender);
    const key = attemptKey(taskId, attempt);
    const times = extras.length === 0 ? undefined : readable(() => spanTimes(extras, key));
    if (times) apply(times, this.#statesOf(times), { clock, receivedAtUs: this.#options.clock.nowUs() });
    const offsetUs = sender.clockOffsetUs ?? clock.stretch.offsetUs + moveOf(this.#attempts.get(key), clock.stretch);
    return Math.abs(offsetUs) < LEAST_TOLD_US ? extras : withOffset(extras, offsetUs / 1000);
  }

  #clockOf({ runnerId, clockOffsetUs }: TelemetrySender): RunnerClock {
    return clockOffsetUs === undefined ? (this.#clocks.get(runnerId) ?? new RunnerClock()) : serversClock;
  }

  /** Attempts that were leased by another server, before a restart or long ago. */
  async #recall(keys: readonly string[]): Promise<void> {
    const taskIds = new Set(keys.map((key) => key.slice(0, key.lastIndexOf("_"))));
    try {
      const { tasks } = await this.#options.store.readLifecycle([], taskIds);
      const wanted = new Set(keys);
      const known = tasks.flatMap(({ id, attempts }) =>
        attempts.map(({ number, leasedAtUs }) => ({ taskId: id, attempt: number, leasedAtUs })),
      );
      this.leased(known.filter(({ taskId, attempt }) => wanted.has(attemptKey(taskId, attempt))));
    } catch (error) {
      // Their times are corrected without it; that they are not cut at the lease must not cost the results (I4).
      if (!(error instanceof SpanloomError)) throw error;
    }
  }

  #statesOf(times: PayloadTimes): AttemptStates {
    return times.attempts.map((key) => this.#attempts.get(key));
  }
}

/** What is remembered of a payload's attempts, by their places. */
type AttemptStates = readonly (AttemptTimes | undefined)[];

/** How far an attempt's times within a stretch have to be moved to fit; not known until all of a call were seen. */
interface Fit {
  stretch: ClockStretch;
  moveUs: number | undefined;
  /** First and last of the times of the call that decides. */
  firstUs: number;
  lastUs: number;
}

/** Finds for attempts that are seen first in a stretch how far their times have to be moved to fit. */
function fit(
  found: readonly PayloadTimes[],
  states: readonly AttemptStates[],
  { clock, receivedAtUs }: Correction,
): void {
  const seenFirst: AttemptTimes[] = [];
  for (const [p, times] of found.entries()) {
    for (let i = 0; i < times.at.length; i++) {
      const state = states[p]![times.attemptOf[times.records[i]!]!];
      if (!state || times.kinds[i] === timeKinds.other) continue;
      const us = times.us(i);
      const stretch = clock.stretchOf(us, receivedAtUs);
      if (widen(state, stretch, us + stretch.offsetUs)) seenFirst.push(state);
    }
  }
  for (const { leasedAtUs, fits } of seenFirst) {
    for (const each of fits!) {
      each.moveUs ??= Math.round(fitOf(each, { leasedAtUs, receivedAtUs }, clock.isMeasured));
    }
  }
}

function fitIn(state: AttemptTimes | undefined, stretch: ClockStretch): Fit | undefined {
  if (!state?.fits) return undefined;
  for (const each of state.fits) if (each.stretch === stretch) return each;
  return undefined;
}

function moveOf(state: AttemptTimes | undefined, stretch: ClockStretch): number {
  return fitIn(state, stretch)?.moveUs ?? 0;
}

function apply(times: PayloadTimes, states: AttemptStates, correction: Correction): void {
  let start = -1;
  for (let i = 0; i < times.at.length; i++) {
    const record = times.records[i]!;
    const state = states[times.attemptOf[record]!];
    const isStart = times.kinds[i] === timeKinds.start;
    correctTime(times, i, state, correction);
    if (isStart && state && (times.isOpen[record] || state.open)) keepStart(times, i, state);
    if (isStart) start = i;
    else if (times.kinds[i] === timeKinds.end && start >= 0 && times.records[start] === record) {
      if (times.us(i) < times.us(start)) times.write(i, times.ns(start));
    }
  }
}

/** The clock of times that are the server's already. */
const serversClock = new RunnerClock();
serversClock.heard(0, 0);

/** A span begins where it was said to when it was open (I3). */
function keepStart(times: PayloadTimes, i: number, state: AttemptTimes): void {
  const record = times.records[i]!;
  const spanId = times.spanId(record);
  if (spanId === undefined) return;
  const known = state.open?.get(spanId);
  if (known !== undefined) times.write(i, known);
  else if (times.isOpen[record]) {
    state.open ??= new Map();
    state.open.set(spanId, times.ns(i));
    forgetOldest(state.open, MAX_OPEN_SPANS);
  }
}

interface Correction {
  clock: RunnerClock;
  receivedAtUs: number;
}

/** Takes note of one of an attempt's times; gives whether it is the first that was seen in its stretch. */
function widen(state: AttemptTimes, stretch: ClockStretch, atUs: number): boolean {
  const known = fitIn(state, stretch);
  if (!known) {
    state.fits ??= [];
    state.fits.push({ stretch, moveUs: undefined, firstUs: atUs, lastUs: atUs });
    return true;
  }
  if (known.moveUs !== undefined) return false;
  if (atUs < known.firstUs) known.firstUs = atUs;
  else if (atUs > known.lastUs) known.lastUs = atUs;
  return false;
}

/**
 * How far times have to be moved as a whole to fit between lease and receipt.
 *
 * Heartbeats leave a second open, or have not come yet; nothing an attempt did can lie outside. A lone time that is far
 * off was given by the code and says nothing of the clock: it is cut by itself.
 */
function fitOf(
  { firstUs, lastUs }: Pick<Fit, "firstUs" | "lastUs">,
  { leasedAtUs, receivedAtUs }: { leasedAtUs: number; receivedAtUs: number },
  isMeasured: boolean,
): number {
  const most = isMeasured ? CLOCK_TOLERANCE_US : Number.POSITIVE_INFINITY;
  const laterUs = leasedAtUs - firstUs;
  const earlierUs = receivedAtUs - lastUs;
  if (earlierUs < 0)
    return -earlierUs <= most || firstUs > receivedAtUs ? Math.max(earlierUs, Math.min(laterUs, 0)) : 0;
  if (laterUs <= 0) return 0;
  const isAllBefore = lastUs < leasedAtUs;
  return laterUs <= CLOCK_TOLERANCE_US || (isAllBefore && laterUs <= most) ? Math.min(laterUs, earlierUs) : 0;
}

function correctTime(
  times: PayloadTimes,
  i: number,
  state: AttemptTimes | undefined,
  { clock, receivedAtUs }: Correction,
): void {
  const us = times.us(i);
  const stretch = clock.stretchOf(us, receivedAtUs);
  const moveUs = stretch.offsetUs + moveOf(state, stretch);
  const firstUs = state?.leasedAtUs ?? Number.NEGATIVE_INFINITY;
  const lastUs = Math.max(Math.min(stretch.ceilingUs, receivedAtUs), firstUs);
  if (us + moveUs < firstUs) times.write(i, BigInt(Math.ceil(firstUs)) * 1000n);
  else if (us + moveUs > lastUs) times.write(i, BigInt(Math.floor(lastUs)) * 1000n);
  else if (moveUs !== 0) times.write(i, times.ns(i) + BigInt(moveUs) * 1000n);
}

/** Appends to a serialized span what was added to the times of its runner: fields of a message may follow each other. */
function withOffset(extras: Uint8Array, offsetMs: number): Uint8Array {
  const value = new BinaryWriter().uint32(0x21).double(offsetMs).finish();
  const attribute = new BinaryWriter()
    .uint32(0x0a)
    .string(attributeNames.clockOffsetMs)
    .uint32(0x12)
    .bytes(value)
    .finish();
  const field = new BinaryWriter().uint32(0x4a).bytes(attribute).finish();
  return Buffer.concat([extras, field]);
}

function readable<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    // Malformed bytes are refused by ingest, with a reason (I4).
    if (error instanceof SpanloomError) return undefined;
    throw error;
  }
}

function forgetOldest(entries: Map<string, unknown>, most: number): void {
  for (const key of entries.keys()) {
    if (entries.size <= most) return;
    entries.delete(key);
  }
}

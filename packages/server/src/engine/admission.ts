import type { ConcurrencyRule, RateRule } from "../store/store.ts";

/**
 * How many attempts may run under a key, and how many may start in a window. Pure and in memory.
 *
 * I1. `running` of a key is the number of attempts that hold a place under it, whatever rule they came by; rules that
 *     share a key may differ in their limit, and each is judged by its own.
 * I2. A window counts starts only. Nothing is used up while the clock is outside of it, in either direction; it is
 *     forgotten when it is past, and when a start outside of it begins another one.
 */

/** What a task must pass before it starts; shared by all tasks with the same rules. */
export interface Gate {
  /** Equal for equal rules, and for them alone. */
  id: string;
  concurrency?: ConcurrencyRule | undefined;
  rateLimit?: RateRule | undefined;
}

/** The gate of a task's rules; undefined without any. */
export function gateOf(rules: {
  concurrency?: ConcurrencyRule | undefined;
  rateLimit?: RateRule | undefined;
}): Gate | undefined {
  const { concurrency, rateLimit } = rules;
  if (concurrency === undefined && rateLimit === undefined) return undefined;
  const id = JSON.stringify([
    concurrency && [concurrency.key, concurrency.limit, concurrency.policy],
    rateLimit && [rateLimit.key, rateLimit.limit, rateLimit.windowMs],
  ]);
  return { id, concurrency, rateLimit };
}

/** Who wants to hear that a key or window may let something through again. */
export interface GateWaiter {
  /** Lets one of those that wait try, if the gate is open for it. */
  gateMayOpen(nowUs: number): void;
}

/** A concurrency key in use. */
export interface Places {
  readonly key: string;
  running: number;
  /** Tasks that wait in the ready queue under this key. */
  queued: number;
  /** Those of them that take the place of running ones. */
  displacing: number;
  readonly waiters: Set<GateWaiter>;
}

/** A rate limit's window in use. */
export interface Window {
  readonly key: string;
  readonly windowMs: number;
  startUs: number;
  used: number;
  readonly waiters: Set<GateWaiter>;
}

/** A window as it is kept in the record. */
export interface WindowRecord {
  key: string;
  windowMs: number;
  startUs: number;
  used: number;
}

/** Keys and windows, and what they have left. */
export class Admission {
  readonly #places = new Map<string, Places>();
  readonly #windows = new Map<string, Window>();
  readonly #changed = new Set<Window>();
  #turnsAtUs = Number.POSITIVE_INFINITY;

  /** Not later than the first end of a window that something waits for. */
  get turnsAtUs(): number {
    return this.#turnsAtUs;
  }

  /** The places under a key. */
  places(key: string): Places {
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const places = { key, running: 0, queued: 0, displacing: 0, waiters: new Set<GateWaiter>() };
    this.#places.set(key, places);
    return places;
  }

  /** The window of a rate limit. Limits of one key with windows of different lengths count apart. */
  window({ key, windowMs }: Pick<RateRule, "key" | "windowMs">): Window {
    const id = windowId({ key, windowMs });
    const known = this.#windows.get(id);
    if (known !== undefined) return known;
    const window = { key, windowMs, startUs: 0, used: 0, waiters: new Set<GateWaiter>() };
    this.#windows.set(id, window);
    return window;
  }

  /** How many tasks a gate lets through now. */
  room({ concurrency, rateLimit }: Gate, nowUs: number): number {
    let room = Number.POSITIVE_INFINITY;
    if (concurrency !== undefined) room = concurrency.limit - this.places(concurrency.key).running;
    if (rateLimit !== undefined) room = Math.min(room, rateLimit.limit - usedIn(this.window(rateLimit), nowUs));
    return Math.max(0, room);
  }

  /** Notes that tasks start. */
  start({ concurrency, rateLimit }: Gate, count: number, nowUs: number): void {
    if (concurrency !== undefined) this.places(concurrency.key).running += count;
    if (rateLimit === undefined) return;
    const window = this.window(rateLimit);
    const startUs = windowStartUs(window, nowUs);
    const isNew = window.startUs !== startUs;
    window.used = usedIn(window, nowUs) + count;
    window.startUs = startUs;
    this.#changed.add(window);
    // It began with this start, so nobody will find it to have turned: those of other gates under the key try now.
    if (isNew) for (const waiter of [...window.waiters]) waiter.gateMayOpen(nowUs);
    this.#noteTurn(window, nowUs);
  }

  #noteTurn({ waiters, startUs, windowMs }: Window, nowUs: number): void {
    const endUs = startUs + windowMs * 1000;
    if (waiters.size > 0 && endUs > nowUs) this.#turnsAtUs = Math.min(this.#turnsAtUs, endUs);
  }

  /** Notes that an attempt ran before memory was read anew: it has its place, and its start was counted then. */
  resume({ concurrency }: Gate): void {
    if (concurrency !== undefined) this.places(concurrency.key).running++;
  }

  /** Notes that an attempt ended. */
  end({ concurrency }: Gate, nowUs: number): void {
    if (concurrency === undefined) return;
    const places = this.places(concurrency.key);
    places.running--;
    for (const waiter of [...places.waiters]) waiter.gateMayOpen(nowUs);
    this.#forgetIdle(places);
  }

  /** Notes tasks that wait, or with a negative number ones that no longer do. */
  queue({ concurrency }: Gate, tasks: number): void {
    if (concurrency === undefined) return;
    const places = this.places(concurrency.key);
    places.queued += tasks;
    if (concurrency.policy === "cancelRunning") places.displacing += tasks;
    this.#forgetIdle(places);
  }

  /** Tells `waiter` from now on when the gate may have opened. */
  await({ concurrency, rateLimit }: Gate, waiter: GateWaiter, nowUs: number): void {
    if (concurrency !== undefined) this.places(concurrency.key).waiters.add(waiter);
    if (rateLimit === undefined) return;
    const window = this.window(rateLimit);
    window.waiters.add(waiter);
    this.#noteTurn(window, nowUs);
  }

  /** Tells `waiter` no longer. */
  stopAwaiting({ concurrency, rateLimit }: Gate, waiter: GateWaiter): void {
    const places = concurrency && this.#places.get(concurrency.key);
    if (places !== undefined) {
      places.waiters.delete(waiter);
      this.#forgetIdle(places);
    }
    if (rateLimit !== undefined) this.#windows.get(windowId(rateLimit))?.waiters.delete(waiter);
  }

  #forgetIdle(places: Places): void {
    if (places.running === 0 && places.queued === 0 && places.waiters.size === 0) this.#places.delete(places.key);
  }

  /** Lets those try whose window is over. */
  turnWindows(nowUs: number): void {
    this.#turnsAtUs = Number.POSITIVE_INFINITY;
    for (const [id, window] of this.#windows) {
      const isOver = windowStartUs(window, nowUs) !== window.startUs;
      if (isOver) for (const waiter of [...window.waiters]) waiter.gateMayOpen(nowUs);
      this.#noteTurn(window, nowUs);
      // A clock that was set back comes to a later window again: what started in it still counts then.
      const isPast = isOver && window.startUs < nowUs;
      if (isPast && window.waiters.size === 0 && !this.#changed.has(window)) this.#windows.delete(id);
    }
  }

  /**
   * When the next window ends that something waits for; undefined when nothing does.
   *
   * Those that wait for one that is over are let through one after the other as tasks start, and need no clock.
   */
  nextWindowUs(nowUs: number): number | undefined {
    let next: number | undefined;
    for (const window of this.#windows.values()) {
      const { waiters, startUs, windowMs } = window;
      if (waiters.size === 0 || windowStartUs(window, nowUs) !== startUs) continue;
      const endUs = startUs + windowMs * 1000;
      if (next === undefined || endUs < next) next = endUs;
    }
    return next;
  }

  /** Takes the windows that counted starts since the last call. */
  takeChanged(): WindowRecord[] {
    const changed = [...this.#changed].map(({ key, windowMs, startUs, used }) => ({ key, windowMs, startUs, used }));
    this.#changed.clear();
    return changed;
  }

  /** Goes on with a window as it is in the record. */
  restore({ key, windowMs, startUs, used }: WindowRecord): void {
    Object.assign(this.window({ key, windowMs }), { startUs, used });
  }

  /** Forgets everything. */
  clear(): void {
    this.#places.clear();
    this.#windows.clear();
    this.#changed.clear();
    this.#turnsAtUs = Number.POSITIVE_INFINITY;
  }
}

function windowId({ key, windowMs }: Pick<RateRule, "key" | "windowMs">): string {
  return `${windowMs} ${key}`;
}

export function windowStartUs({ windowMs }: Pick<Window, "windowMs">, nowUs: number): number {
  const lengthUs = windowMs * 1000;
  return Math.floor(nowUs / lengthUs) * lengthUs;
}

function usedIn(window: Window, nowUs: number): number {
  return windowStartUs(window, nowUs) === window.startUs ? window.used : 0;
}

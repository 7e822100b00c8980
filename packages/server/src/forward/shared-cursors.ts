import type { Clock } from "../clock.ts";
import type { ExportCursors, TakenExporter } from "../store/store.ts";
import { type Cursor, type CursorStore, formatCursor, type HeldCursor, parseCursor } from "./held-cursor.ts";

/** How long a server that says nothing keeps an exporter. */
const LEASE_MS = 10_000;
/** How often leases are extended, and those who wait look whether they may take over. */
const LOOK_MS = 3_000;

/** What {@link SharedCursors} works with. */
export interface SharedCursorsOptions {
  store: ExportCursors;
  clock: Clock;
  log: (line: string) => void;
}

/**
 * Cursors in the record that servers share: one server at a time serves an exporter, and another takes over when it stops,
 * or has not extended its lease for ten seconds.
 *
 * I1. A cursor is held only while this server knows its lease to last, by its own clock from before it asked for it: so it
 *     ends here before another can have it. One that ended is held again when its token turns out to be good.
 * I2. All exporters together cost one statement every three seconds for what is held, and one for what is waited for.
 */
export class SharedCursors implements CursorStore {
  readonly #options: SharedCursorsOptions;
  readonly #held = new Map<string, Held>();
  readonly #waiting = new Map<string, (held: Held) => void>();
  #looking: Promise<void> | undefined;
  /** Whether to look again as soon as that is over. */
  #lookAgain = false;
  #cancelLook: (() => void) | undefined;

  constructor(options: SharedCursorsOptions) {
    this.#options = options;
  }

  take(name: string, signal: AbortSignal): Promise<HeldCursor | undefined> {
    if (signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const off = this.#options.store.onGivenBack(() => this.#lookNow());
      const end = (held?: Held) => {
        this.#waiting.delete(name);
        signal.removeEventListener("abort", leave);
        off();
        resolve(held);
      };
      const leave = () => end();
      signal.addEventListener("abort", leave);
      this.#waiting.set(name, end);
      this.#lookNow();
    });
  }

  forget(idleMs: number): Promise<void> {
    return this.#options.store.forget(idleMs);
  }

  #lookNow(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    this.#lookAgain = this.#looking !== undefined;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
      if (this.#lookAgain) this.#lookNow();
      else if (this.#held.size + this.#waiting.size > 0)
        this.#cancelLook = this.#options.clock.schedule(() => this.#lookNow(), LOOK_MS);
    });
  }

  async #look(): Promise<void> {
    try {
      await this.#keep();
      await this.#takeFree();
    } catch {
      // PostgreSQL is away: leases end by themselves, and it is looked again.
    }
  }

  async #keep(): Promise<void> {
    const held = [...this.#held.values()];
    const untilUs = this.#leaseEndUs();
    const tokens = held.map(({ name, token }) => ({ name, token }));
    const good = await this.#options.store.keep(tokens, LEASE_MS);
    for (const each of held) each.extend(good.has(each.name) ? untilUs : 0);
  }

  async #takeFree(): Promise<void> {
    const { store } = this.#options;
    if (this.#waiting.size === 0) return;
    const untilUs = this.#leaseEndUs();
    for (const taken of await store.take([...this.#waiting.keys()], LEASE_MS)) {
      const resolve = this.#waiting.get(taken.name);
      if (!resolve)
        await store.giveBack(taken); // whoever waited has left
      else this.#newHeld(taken, untilUs, resolve);
    }
  }

  /** One whose cursor is none is kept until its lease ends, lest servers hand it to and fro. */
  #newHeld(taken: TakenExporter, untilUs: number, resolve: (held: Held) => void): void {
    const { log } = this.#options;
    let cursor: Cursor | undefined;
    try {
      cursor = taken.cursor === "" ? undefined : parseCursor(taken.cursor);
    } catch (error) {
      const why = `its row in PostgreSQL's table "exporter" has no cursor; remove it to begin at now`;
      log(`cannot serve exporter "${taken.name}": ${why}: ${String(error)}`);
      return;
    }
    const held = new Held({ ...taken, cursor, untilUs }, this.#options, (each) => this.#letGo(each));
    this.#held.set(taken.name, held);
    log(`exporter "${taken.name}" is served by this server`);
    resolve(held);
  }

  /** No statement that is under way extends it any more once this has resolved. */
  async #letGo(held: Held): Promise<void> {
    if (this.#held.get(held.name) === held) this.#held.delete(held.name);
    await this.#looking;
  }

  #leaseEndUs(): number {
    return this.#options.clock.nowUs() + LEASE_MS * 1000;
  }
}

/** One exporter, for as long as its lease lasts. */
class Held implements HeldCursor {
  readonly name: string;
  readonly token: number;
  readonly cursor: Cursor | undefined;
  readonly #options: SharedCursorsOptions;
  readonly #letGo: (held: Held) => Promise<void>;
  #untilUs: number;
  #isReleased = false;

  constructor(
    { name, token, cursor, untilUs }: { name: string; token: number; cursor: Cursor | undefined; untilUs: number },
    options: SharedCursorsOptions,
    letGo: (held: Held) => Promise<void>,
  ) {
    [this.name, this.token, this.cursor, this.#untilUs] = [name, token, cursor, untilUs];
    [this.#options, this.#letGo] = [options, letGo];
  }

  isHeld(): boolean {
    return this.#options.clock.nowUs() < this.#untilUs;
  }

  /** 0: another server has it. */
  extend(untilUs: number): void {
    if (this.#isReleased) return;
    this.#untilUs = untilUs;
    if (untilUs === 0) void this.#letGo(this);
  }

  async save(cursor: Cursor): Promise<void> {
    if (this.#isReleased) return;
    const { store, clock } = this.#options;
    const untilUs = clock.nowUs() + LEASE_MS * 1000;
    const good = await store.keep([{ name: this.name, token: this.token, cursor: formatCursor(cursor) }], LEASE_MS);
    this.extend(good.has(this.name) ? untilUs : 0);
  }

  async release(cursor: Cursor | undefined): Promise<void> {
    this.#isReleased = true;
    this.#untilUs = 0;
    await this.#letGo(this);
    const { name, token } = this;
    await this.#options.store.giveBack({ name, token, cursor: cursor && formatCursor(cursor) });
  }
}

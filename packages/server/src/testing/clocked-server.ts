import { createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { JobService, TriggerService } from "@spanloom/protocol";
import { ManualClock } from "../rpc/testing/manual-clock.ts";
import { serveStubs } from "../rpc/testing/stubs.ts";
import type { RunningServer } from "../serve.ts";
import { SqliteStore } from "../store/sqlite/index.ts";

/** A whole server on SQLite, without telemetry, whose time a test moves by hand. */
export class ClockedServer {
  readonly clock: ManualClock;
  readonly #dataDir: string;
  /** How far the time of day is from the clock's: a test sets it as one sets a machine's clock. */
  setUs = 0;
  #store: SqliteStore | undefined;
  #server: (RunningServer & { log: string[] }) | undefined;
  #transport: Transport | undefined;

  constructor(dataDir: string, clock = new ManualClock()) {
    this.#dataDir = dataDir;
    this.clock = clock;
  }

  /** Time of day. */
  wallNowUs(): number {
    return this.clock.nowUs() + this.setUs;
  }

  get log(): readonly string[] {
    return this.#server?.log ?? [];
  }

  get transport(): Transport {
    if (!this.#transport) throw new Error("the server is not started");
    return this.#transport;
  }

  get triggers() {
    return createClient(TriggerService, this.transport);
  }

  get jobs() {
    return createClient(JobService, this.transport);
  }

  async start(): Promise<void> {
    const { clock } = this;
    this.#store = new SqliteStore({ dataDir: this.#dataDir, nowUs: () => clock.nowUs() });
    // The machine's own work would make the server rest until the next step.
    const busyUs = (): number => clock.nowUs();
    this.#server = await serveStubs({ store: this.#store, clock, wallNowUs: () => this.wallNowUs(), busyUs });
    this.#transport = createGrpcTransport({ baseUrl: this.#server.url });
    await this.tick(0);
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** Moves time on, in steps, after each of which all that became due is done. */
  async tick(ms: number): Promise<void> {
    for (let leftMs = ms; ; leftMs -= STEP_MS) {
      await this.#advance(0);
      await this.#advance(Math.min(leftMs, STEP_MS));
      if (leftMs <= STEP_MS) return;
    }
  }

  async #advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await turns();
    // What is due by a time of day that was just set waits until somebody looks at it.
    for (let round = 0; round < MAX_ROUNDS && (await this.#isDue()); round++) {
      this.clock.advance(0);
      await turns();
    }
    await turns();
  }

  async #isDue(): Promise<boolean> {
    const due = await this.#store?.triggers.dueSchedules(this.wallNowUs(), 1);
    return due !== undefined && due.length > 0;
  }
}

const STEP_MS = 20_000;
const MAX_ROUNDS = 20;

/** Lets what goes on proceed. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

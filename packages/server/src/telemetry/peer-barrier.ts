import { SpanloomError } from "@spanloom/protocol";
import type { Peers } from "../store/store.ts";

/** How long a server that is connected and says nothing is waited for. One that is at work says so within half a second. */
const SILENCE_MS = 5_000;

/**
 * How long an insert that nobody waits for any more may still become visible: ClickHouse gives up a request that does
 * not go on, and one that waits for replicas, after 30 seconds.
 */
export const LATE_MS = 30_000;

/** Makes the other servers write what they hold, before a query is answered. */
export class PeerBarrier {
  readonly #peers: Peers;
  readonly #log: (line: string) => void;
  #asking: Promise<boolean> | undefined;
  #next: Promise<boolean> | undefined;
  #reported = "";

  constructor(peers: Peers, log: (line: string) => void) {
    this.#peers = peers;
    this.#log = log;
  }

  /**
   * Resolves when every other server has written what it held when this was called; a server that is silent or gone is
   * left out, and the log says so. Queries that come while others are asked share the next question. False when one was
   * left out, is gone since less than {@link LATE_MS} or had an insert fail since: what it was inserting may come yet.
   *
   * Errors: TELEMETRY_UNAVAILABLE when a server cannot write what it holds, STORE_UNAVAILABLE when none can be asked.
   */
  pass(): Promise<boolean> {
    if (!this.#asking) {
      this.#asking = this.#ask().finally(() => (this.#asking = undefined));
      return this.#asking;
    }
    this.#next ??= this.#asking
      .catch(() => undefined) // told to those who wait for it
      .then(() => {
        this.#next = undefined;
        return this.pass();
      });
    return this.#next;
  }

  async #ask(): Promise<boolean> {
    const { failed, silent, gone, unsure, lostMsAgo = LATE_MS } = await this.#peers.ask("telemetry", SILENCE_MS);
    this.#report([...silent.map((id) => `${id} does not answer`), ...gone.map((id) => `${id} is gone`)]);
    const [first] = failed;
    if (!first) return silent.length + gone.length + unsure.length === 0 && lostMsAgo >= LATE_MS;
    const message = `cannot query telemetry: server ${first.serverId} cannot store what it holds: ${first.why}`;
    throw new SpanloomError("TELEMETRY_UNAVAILABLE", message, { retryAfterMs: 1_000 });
  }

  /** Each change once, as there may be many queries. */
  #report(missing: readonly string[]): void {
    const text = missing.toSorted().join(", ");
    if (text === this.#reported) return;
    this.#reported = text;
    if (text !== "") this.#log(`telemetry: answers may lack what other servers hold: ${text}`);
    else this.#log("telemetry: answers are complete again");
  }

  /** Whether every other server has written the lifecycle spans it had noted. */
  async lifecycleWritten(): Promise<boolean> {
    const { failed, silent, gone } = await this.#peers.ask("lifecycle", SILENCE_MS);
    return failed.length + silent.length + gone.length === 0;
  }
}

/** What servers ask each other: to write the lifecycle spans they noted; or those, and the telemetry they spooled. */
export type PeerRequest = "lifecycle" | "telemetry";

/** How the other servers took a request. */
export interface PeerAnswers {
  /** Those that could not do it, and why. */
  failed: readonly { serverId: string; why: string }[];
  /** Those that are connected and did not answer in time. */
  silent: readonly string[];
  /** Those that ended, or whose connection ended, before they answered. */
  gone: readonly string[];
  /** Those that did it, and may have begun something before of which they cannot tell how it ended. */
  unsure: readonly string[];
  /** How long ago a server was noted to have ended without a goodbye, the last time; absent when none ever was. */
  lostMsAgo?: number;
}

/**
 * The other servers on the same record.
 *
 * I1. A request reaches every server that was live when it was made, after all that had been committed by then: what a
 *     reader could see before it asked is noted before it is answered.
 * I2. Of the servers that ended without a goodbye each is handed to one other, by `onGone`, which is to do what it left
 *     undone; requests made from then on are answered when that is noted.
 * I3. Asking costs one read when there are no others.
 */
export interface Peers {
  /**
   * Asks all others, and waits for their answers: `timeoutMs` at most for one that says nothing, a minute for one that
   * says that it is at work. Errors: STORE_UNAVAILABLE.
   */
  ask(request: PeerRequest, timeoutMs: number): Promise<PeerAnswers>;
  /** Resolves when what this server committed before is announced to its own listeners. */
  settled(): Promise<void>;
  /** Sets who does what others ask for, and says whether that is sure to be all; requests that come before wait. */
  onAsk(handler: (request: PeerRequest) => Promise<boolean>): void;
  /** Sets who does what a server that is gone left undone. It resolves when that is noted. */
  onGone(handler: () => Promise<void>): void;
  /** When this server stops, it leaves something undone: another one is to take over. */
  handOver(): void;
}

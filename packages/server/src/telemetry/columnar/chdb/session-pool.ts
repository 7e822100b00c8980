import type { Session } from "chdb";

/**
 * Lends sessions, each to one borrower at a time: the engine runs one active stream per session.
 *
 * Sessions at one path coexist in the process and share its engine, so more of them cost little.
 */
export class SessionPool {
  readonly #open: () => Session;
  readonly #limit: number;
  readonly #idle: Session[] = [];
  readonly #waiting: ((session: Session) => void)[] = [];
  readonly #all: Session[] = [];

  constructor(open: () => Session, limit: number) {
    this.#open = open;
    this.#limit = limit;
  }

  /** Waits for a session. */
  async acquire(): Promise<Session> {
    const idle = this.#idle.pop();
    if (idle) return idle;
    if (this.#all.length < this.#limit) return this.#add();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Gives a session back. */
  release(session: Session): void {
    const next = this.#waiting.shift();
    if (next) next(session);
    else this.#idle.push(session);
  }

  /** Closes a lent session that must not be used again; whoever waits gets a new one. */
  discard(session: Session): void {
    const at = this.#all.indexOf(session);
    if (at < 0) return;
    this.#all.splice(at, 1);
    session.close();
    this.#waiting.shift()?.(this.#add());
  }

  #add(): Session {
    const session = this.#open();
    this.#all.push(session);
    return session;
  }

  /** Closes every session. The caller has seen to it that none is lent. */
  close(): void {
    for (const session of this.#all.splice(0)) session.close();
    this.#idle.length = 0;
  }
}

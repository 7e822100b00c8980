import type { Interceptor } from "@connectrpc/connect";

/** The header has whole seconds, and servers write it a moment before they send it. */
const HEADER_MS = 2_000;

/**
 * How far the server's clock is ahead of this browser's, from the dates of its answers.
 *
 * Each answer tells a range that the difference lies in, as wide as the question took and the header is coarse; what all
 * ranges have in common is the difference. A difference of nothing is believed as long as no answer denies it, so that ages
 * do not jump where clocks agree.
 */
export class ServerClock {
  #leastMs = Number.NEGATIVE_INFINITY;
  #mostMs = Number.POSITIVE_INFINITY;
  #offsetMs = 0;

  /** Milliseconds to add to this browser's time. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** Learns from an answer; a date that is none teaches nothing. */
  learn(date: string | null, sentMs: number, receivedMs: number): void {
    const toldMs = Date.parse(date ?? "");
    if (Number.isNaN(toldMs)) return;
    const least = toldMs - receivedMs;
    const most = toldMs + HEADER_MS - sentMs;
    const agrees = least <= this.#mostMs && most >= this.#leastMs;
    // One of the clocks was set: what was known before is of no use.
    this.#leastMs = agrees ? Math.max(this.#leastMs, least) : least;
    this.#mostMs = agrees ? Math.min(this.#mostMs, most) : most;
    const isNone = this.#leastMs <= 0 && this.#mostMs >= 0;
    const fits = this.#leastMs <= this.#offsetMs && this.#mostMs >= this.#offsetMs;
    if (isNone) this.#offsetMs = 0;
    else if (!fits) this.#offsetMs = Math.round((this.#leastMs + this.#mostMs) / 2);
  }
}

/** The clock of the server that this page is from. */
export const serverClock = new ServerClock();

/** Time of day in milliseconds by the server's clock, which is the one that times of jobs are of. */
export function serverNowMs(): number {
  return Date.now() + serverClock.offsetMs;
}

/** Learns from each answer what time it is at the server. */
export function observeClock(clock: ServerClock, nowMs: () => number): Interceptor {
  return (next) => async (request) => {
    const sentMs = nowMs();
    const answer = await next(request);
    clock.learn(answer.header.get("date"), sentMs, nowMs());
    return answer;
  };
}

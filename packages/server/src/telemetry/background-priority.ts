import { getPriority, setPriority } from "node:os";

/**
 * How much nicer than the server's main thread those are that decode, insert and merge telemetry: a call of the control
 * plane then gets a core before them, however much comes in.
 *
 * On two cores, while spans came as fast as they went, half of all leases took up to 1.6 ms and 99 % up to 12.4; with all
 * threads alike 2.9 and 14.5, with 5 instead of 10 1.7 and 12.5. Queries, which stay as they are, were as fast as before.
 */
const NICER = 10;

const LOWEST_PRIORITY = 19;

/**
 * Lowers the priority of the calling thread for good. Elsewhere than on Linux it stays as it is: there the whole process
 * would be meant.
 */
export function lowerThreadPriority(): void {
  if (process.platform !== "linux") return;
  try {
    setPriority(Math.min(getPriority() + NICER, LOWEST_PRIORITY));
  } catch {
    // A sandbox may forbid it. The thread works all the same, and takes more of the cores from others.
  }
}

/**
 * Nice value for threads of the embedded engine that insert and merge; 0 leaves them alone.
 *
 * The engine sets it while a thread works for an insert or a merge, and 0 again afterwards: only CAP_SYS_NICE allows
 * that, without which it does nothing. A server that was itself started nicer than 0 must not have threads at 0.
 */
export function engineNice(): number {
  return process.platform === "linux" && getPriority() === 0 ? NICER : 0;
}

import { SpanloomError } from "@spanloom/protocol";
import type { CallContext } from "../rpc/call-context.ts";
import { type HttpResponse, isGone } from "./http-response.ts";

/** Header of the client's deadline, in milliseconds from when it was sent. */
export const TIMEOUT_HEADER = "connect-timeout-ms";

/** The life of one call. Signal and timer are made when first needed: most calls need neither. */
export class Call implements CallContext {
  readonly #response: HttpResponse;
  readonly #stopping: AbortSignal;
  #controller: AbortController | undefined;
  #deadlineMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** True once the call was answered or its deadline passed: whoever asks for the signal then finds it aborted. */
  #over = false;
  #cleanUp: (() => void) | undefined;

  constructor(response: HttpResponse, stopping: AbortSignal) {
    this.#response = response;
    this.#stopping = stopping;
  }

  get isCutOff(): boolean {
    return this.#over || this.#stopping.aborted || isGone(this.#response);
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      const controller = new AbortController();
      const abort = (): void => controller.abort(cutOff());
      this.#controller = controller;
      if (this.isCutOff) {
        abort();
        return controller.signal;
      }
      this.#response.once("close", abort);
      const forgetStop = onStop(this.#stopping, abort);
      this.#cleanUp = () => {
        this.#response.off("close", abort);
        forgetStop();
      };
    }
    return this.#controller.signal;
  }

  timeoutMs(): number | undefined {
    return this.#deadlineMs === undefined ? undefined : this.#deadlineMs - performance.now();
  }

  deadline(header: string | string[] | undefined): void {
    if (header === undefined) return;
    if (typeof header !== "string" || !/^\d{1,10}$/.test(header))
      throw new SpanloomError("INVALID_FIELD", `cannot read the request: "${header}" is not 1 to 10 digits`, {
        field: TIMEOUT_HEADER,
      });
    this.#deadlineMs = performance.now() + Number(header);
  }

  /** The answer, unless the client's deadline passes first. */
  race<T>(answer: Promise<T>): Promise<T> {
    const left = this.timeoutMs();
    if (left === undefined) return answer;
    return new Promise((resolve, reject) => {
      const onDeadline = (): void => {
        this.#over = true;
        reject(new SpanloomError("DEADLINE_EXCEEDED", "cannot finish the call: its deadline has passed"));
        this.#controller?.abort(cutOff());
      };
      clearTimeout(this.#timer);
      this.#timer = setTimeout(onDeadline, Math.min(Math.max(left, 0), 2 ** 31 - 1));
      answer.then(resolve, reject);
    });
  }

  end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#cleanUp?.();
  }
}

/** What to do when a server stops. */
const stopListeners = new WeakMap<AbortSignal, Set<() => void>>();

/** As a listener of `stopping`, of which there is one for all calls: a signal looks through all it has for each new one. */
function onStop(stopping: AbortSignal, listener: () => void): () => void {
  const listeners = stopListeners.get(stopping) ?? listenToStop(stopping);
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function listenToStop(stopping: AbortSignal): Set<() => void> {
  const listeners = new Set<() => void>();
  stopListeners.set(stopping, listeners);
  stopping.addEventListener("abort", () => {
    for (const listener of listeners) listener();
  });
  return listeners;
}

/** Why a signal aborts: a handler that passes it on must not be taken for a defect. */
function cutOff(): SpanloomError {
  return new SpanloomError("SHUTTING_DOWN", "cannot finish the call: the client left or the server is stopping");
}

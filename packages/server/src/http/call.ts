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

  get signal(): AbortSignal {
    if (!this.#controller) {
      const controller = new AbortController();
      const abort = (): void => controller.abort(cutOff());
      this.#controller = controller;
      if (this.#over) abort();
      if (this.#over) return controller.signal;
      this.#response.once("close", abort);
      this.#stopping.addEventListener("abort", abort);
      this.#cleanUp = () => {
        this.#response.off("close", abort);
        this.#stopping.removeEventListener("abort", abort);
      };
      if (this.#stopping.aborted || isGone(this.#response)) abort();
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

/** Why a signal aborts: a handler that passes it on must not be taken for a defect. */
function cutOff(): SpanloomError {
  return new SpanloomError("SHUTTING_DOWN", "cannot finish the call: the client left or the server is stopping");
}

import { isPromise } from "../context.ts";
import { toTaskFailure } from "../failure.ts";
import type { RunnerHooks } from "./runner-hooks.ts";

/** One call of a hook: its method, and what it is told. */
export type HookCall = {
  [Name in keyof RunnerHooks]-?: readonly [Name, Parameters<NonNullable<RunnerHooks[Name]>>[0]];
}[keyof RunnerHooks];

/** What a hook takes. */
export interface HookOptions {
  /** Most calls that have not settled. */
  maxUnsettled: number;
  log(line: string): void;
  /** Told when no call is unsettled any more. */
  settled(): void;
}

/** One of a runner's hooks, kept from doing harm; counts what became of its calls. */
export class Hook {
  readonly #hooks: RunnerHooks;
  readonly #options: HookOptions;
  /** Calls made. */
  called = 0;
  /** Calls that threw or were rejected. */
  failed = 0;
  /** Calls not made, as too many had not settled. */
  dropped = 0;
  /** Calls that have not settled. */
  unsettled = 0;

  constructor(hooks: RunnerHooks, options: HookOptions) {
    this.#hooks = hooks;
    this.#options = options;
  }

  /** Calls the method, if there is one. Never throws, and waits for nothing. */
  tell([method, event]: HookCall): void {
    try {
      const call = this.#hooks[method] as ((event: HookCall[1]) => unknown) | undefined;
      if (!call) return;
      if (this.unsettled >= this.#options.maxUnsettled) {
        this.#drop(method);
        return;
      }
      this.called++;
      const returned = call.call(this.#hooks, event);
      if (isPromise(returned)) this.#watch(method, returned);
    } catch (error) {
      this.#fail(method, error);
    }
  }

  #watch(method: string, returned: PromiseLike<unknown>): void {
    this.unsettled++;
    const end = () => {
      this.unsettled--;
      if (this.unsettled === 0) this.#options.settled();
    };
    Promise.resolve(returned).then(end, (error: unknown) => {
      this.#fail(method, error);
      end();
    });
  }

  #fail(method: string, error: unknown): void {
    this.failed++;
    if (this.failed > 1) return;
    this.#options.log(
      `hook ${method} failed, which concerns no task; more failures are counted only: ${textOf(error)}`,
    );
  }

  #drop(method: string): void {
    this.dropped++;
    if (this.dropped > 1) return;
    this.#options.log(`hook ${method} is not called: ${this.unsettled} calls have not ended; more are counted only`);
  }
}

/** What was thrown may be anything, and hostile. */
function textOf(error: unknown): string {
  const { type, message } = toTaskFailure(error);
  return `${type}: ${message}`;
}

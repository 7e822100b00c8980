import { IdGenerator } from "@spanloom/protocol";
import { type RunnerOptions, type RunnerSettings, toSettings } from "./runner-options.ts";

/** Leases tasks, runs them and reports what became of them. */
export class Runner {
  readonly #settings: RunnerSettings;
  /** The runner, a UUIDv7 of its own. */
  readonly id: string = new IdGenerator().next();

  constructor(options: RunnerOptions) {
    this.#settings = toSettings(options);
  }

  /** Registers and begins to lease. Safe to call twice. */
  async start(): Promise<void> {
    this.#settings.log(`runner ${this.id}: starting`);
  }

  /** Stops leasing, lets attempts finish within `graceMs`, releases the rest. Safe to call twice. */
  async stop(): Promise<void> {
    this.#settings.log(`runner ${this.id}: stopped`);
  }

  /** As {@link Runner.stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

import { SpanloomError } from "@spanloom/protocol";
import type { Clock } from "../clock.ts";
import type { Arrivals } from "../telemetry/telemetry.ts";
import { Forwarder, type ForwardFrom, type ForwardStats } from "./forwarder.ts";
import type { CursorStore } from "./held-cursor.ts";
import type { NamedExporter } from "./load-exporters.ts";

/** What is forwarded to, and by what. */
export interface ForwardingOptions {
  exporters: readonly NamedExporter[];
  /** Where new exporters begin. */
  from: ForwardFrom;
  cursors: CursorStore;
  /** Days that cursors are kept of exporters that are not configured any more. */
  retentionDays: number;
  arrivals: Arrivals;
  clock: Clock;
  random: () => number;
  log: (line: string) => void;
}

const DAY_MS = 86_400_000;

/** Gives every exporter what comes into the store, each by a loop of its own. */
export class Forwarding {
  readonly #options: ForwardingOptions;
  readonly #forwarders: readonly Forwarder[];

  /** Errors: INVALID_FIELD for a name that is given twice: they would share a cursor. */
  constructor(options: ForwardingOptions) {
    const { exporters, retentionDays, ...shared } = options;
    this.#options = options;
    const names = exporters.map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) < i);
    if (twice !== undefined)
      throw new SpanloomError("INVALID_FIELD", `cannot export: exporter "${twice}" is given twice`, {
        field: "exporter",
      });
    this.#forwarders = exporters.map((each) => new Forwarder({ ...shared, ...each }));
  }

  /** Begins. */
  async start(): Promise<void> {
    const { cursors, retentionDays } = this.#options;
    await cursors.forget(retentionDays * DAY_MS);
    for (const forwarder of this.#forwarders) forwarder.start();
  }

  /** Ends all at once. */
  async stop(): Promise<void> {
    await Promise.all(this.#forwarders.map((each) => each.stop()));
  }

  /** Figures of each. */
  stats(): ForwardStats[] {
    return this.#forwarders.map((each) => each.stats());
  }
}

import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChaosSetup, ChaosStorage, ChaosSubject } from "@spanloom/testing";
import { SqliteStore } from "../store/sqlite/index.ts";
import type { Store } from "../store/store.ts";
import { SpanTable } from "./span-table.ts";

/** The embedded store under random faults. A crash leaves a copy of the files as they were in the midst of it. */
export const sqliteChaos: ChaosSubject = {
  name: "sqlite",
  supported: {},
  open: async (setup) => new SqliteStorage(setup),
};

class SqliteStorage implements ChaosStorage {
  readonly renewsLeases = true;
  readonly workFirst = true;
  readonly answersLate = false;
  readonly waitersByAge = false;
  readonly #setup: ChaosSetup;
  readonly #parent = mkdtempSync(join(tmpdir(), "spanloom-chaos-"));
  readonly #table = new SpanTable();
  #folder = 0;

  constructor(setup: ChaosSetup) {
    this.#setup = setup;
  }

  connect(): Store {
    const { clock, graceMs, random } = this.#setup;
    return new SqliteStore({ dataDir: this.#dataDir(), nowUs: clock.nowUs, cancelGraceMs: graceMs, random });
  }

  /** Whatever the store does after the copy was taken is lost with its folder. */
  async breakOff(store: Store): Promise<void> {
    const from = this.#dataDir();
    this.#folder++;
    cpSync(from, this.#dataDir(), { recursive: true });
    await store.stop();
    rmSync(from, { recursive: true });
  }

  project(store: Store) {
    return this.#table.project(store, this.#setup.clock.nowUs);
  }

  spans() {
    return this.#table.spans();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#parent, { recursive: true, force: true });
  }

  #dataDir(): string {
    return join(this.#parent, String(this.#folder));
  }
}

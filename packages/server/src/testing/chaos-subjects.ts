import type { ChaosSubject } from "@spanloom/testing";
import { PostgresChaos } from "./postgres-chaos.ts";
import { sqliteChaos } from "./sqlite-chaos.ts";

/** Names of the stores that can be run against. */
export const chaosStores = ["sqlite", "postgres"] as const;

/** A store to run against, and a PostgreSQL that runs already if there is one. */
export interface ChaosTarget {
  store: (typeof chaosStores)[number];
  url: string | undefined;
}

/** Gets a store ready to be run against; gives it and what ends it. */
export async function openSubject(target: ChaosTarget): Promise<{ subject: ChaosSubject } & AsyncDisposable> {
  if (target.store === "sqlite") return { subject: sqliteChaos, [Symbol.asyncDispose]: async () => undefined };
  const database = `chaos_${process.pid}_${Math.floor(performance.timeOrigin + performance.now())}`;
  const subject = await PostgresChaos.start(target.url, database);
  return { subject, [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose]() };
}

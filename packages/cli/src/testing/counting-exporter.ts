import { type Exporter, exported } from "@spanloom/exporter";

/** Calls that it counted. */
export interface Counted {
  batches: number;
  shutdowns: number;
}

/** An exporter that counts its calls, where a test in the same process finds them. */
export function exporterFromEnv(): Exporter {
  const counted: Counted = { batches: 0, shutdowns: 0 };
  Object.assign(globalThis, { counted });
  return {
    name: "counting",
    async export() {
      counted.batches++;
      return exported;
    },
    async shutdown() {
      counted.shutdowns++;
    },
  };
}

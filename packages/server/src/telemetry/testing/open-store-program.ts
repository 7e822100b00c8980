import { ChdbSpanStore } from "../columnar/chdb/index.ts";

/** Test program: opens the telemetry store in the folder given and prints what came of it: "opened", or the error. */
await using store = new ChdbSpanStore({ dataDir: process.argv[2]! });
try {
  await store.start();
  process.stdout.write("opened\n");
} catch (error) {
  const { reason, message } = error as { reason?: string; message: string };
  process.stdout.write(`${reason}: ${message}\n`);
}

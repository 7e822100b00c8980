import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { GetCriticalPathRequestSchema } from "@spanloom/protocol";
import { StoreDriver, tempDir } from "@spanloom/testing";
import { SqliteStore } from "../../../store/sqlite/index.ts";
import { ChdbSpanStore } from "../../columnar/chdb/index.ts";
import { ClickHouseSpanStore } from "../../columnar/clickhouse/index.ts";
import { createTelemetry } from "../../telemetry-plane.ts";

const never = new AbortController().signal;

/** Plays jobs on a store, and gives what their critical paths are asked of. */
export async function playedJobs(play: (driver: StoreDriver) => Promise<unknown>, clickhouseUrl?: string) {
  const resources = new AsyncDisposableStack();
  const dir = resources.use(tempDir());
  const driver = resources.use(
    await StoreDriver.open(({ dataDir, clock, cancelGraceMs }) => {
      return new SqliteStore({ dataDir, nowUs: clock.nowUs, cancelGraceMs });
    }),
  );
  await play(driver);
  const telemetry = createTelemetry({
    dataDir: dir.path,
    store: driver.store,
    spanStore:
      clickhouseUrl === undefined
        ? new ChdbSpanStore({ dataDir: join(dir.path, "telemetry"), retentionDays: 10_000 })
        : new ClickHouseSpanStore({ url: clickhouseUrl, retentionDays: 10_000 }),
    clock: { nowUs: driver.clock.nowUs, schedule: () => () => undefined },
    log: () => undefined,
  });
  resources.defer(() => telemetry.stop());
  await telemetry.start();
  const ask = async (jobId: string, includeUserSpans = false): Promise<Uint8Array[]> => {
    const request = create(GetCriticalPathRequestSchema, { jobId, includeUserSpans });
    const batches: Uint8Array[] = [];
    for await (const { ipc } of telemetry.getCriticalPath(request, never)) batches.push(ipc);
    return batches;
  };
  return { driver, telemetry, ask, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

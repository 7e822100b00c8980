import { testStore } from "@spanloom/testing";
import { SqliteStore } from "./index.ts";

testStore("SqliteStore", ({ dataDir, clock, cancelGraceMs }) => {
  return new SqliteStore({ dataDir, nowUs: clock.nowUs, cancelGraceMs });
});

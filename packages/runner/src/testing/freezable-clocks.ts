import { vi } from "vitest";

/** Clocks of the process that a test can make stand still. */
export interface FreezableClocks {
  freeze(): void;
  thaw(): void;
}

/** Takes hold of the process's clocks, for those who begin to use them from now on. They go on until they are frozen. */
export function freezableClocks(): FreezableClocks {
  const [wall, monotonic] = [Date.now, performance.now.bind(performance)];
  let frozen: { wall: number; monotonic: number } | undefined;
  vi.spyOn(Date, "now").mockImplementation(() => frozen?.wall ?? wall());
  vi.spyOn(performance, "now").mockImplementation(() => frozen?.monotonic ?? monotonic());
  return {
    freeze() {
      frozen = { wall: wall(), monotonic: monotonic() };
    },
    thaw() {
      frozen = undefined;
    },
  };
}

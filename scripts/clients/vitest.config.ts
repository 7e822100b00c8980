import path from "node:path";
import { defineConfig } from "vitest/config";

/** What needs a Python or a Go, which `npm test` leaves out. */
export default defineConfig({
  root: path.resolve(import.meta.dirname, "..", ".."),
  test: {
    include: ["{apps,scripts}/**/across-languages/*.test.ts"],
    pool: "forks",
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});

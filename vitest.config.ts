import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{packages,apps,bench,conformance,scripts}/**/*.test.ts"],
    // What needs a real backend is run by test-backends.ts, what needs a Python or a Go by test-clients.ts.
    exclude: ["**/node_modules/**", "**/dist/**", "apps/demo/src/backends/**", "**/across-languages/**"],
    pool: "forks",
    // When to give up on what hangs; a loaded machine takes ten times as long as an idle one.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    typecheck: {
      enabled: true,
      include: ["packages/**/*.test-d.ts"],
      exclude: ["**/node_modules/**", "**/dist/**"],
      tsconfig: "./tsconfig.types.json",
    },
  },
});

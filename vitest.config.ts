import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{packages,apps,bench,scripts}/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    typecheck: {
      enabled: true,
      include: ["packages/**/*.test-d.ts"],
      exclude: ["**/node_modules/**", "**/dist/**"],
      tsconfig: "./tsconfig.types.json",
    },
  },
});

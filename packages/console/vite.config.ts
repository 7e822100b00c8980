import { writeFileSync } from "node:fs";
import path from "node:path";
import { defineConfig } from "vite";
import { listFiles } from "./build/list-files.ts";

const built = path.join(import.meta.dirname, "dist");

export default defineConfig({
  root: path.join(import.meta.dirname, "src"),
  build: {
    outDir: path.join(built, "app"),
    emptyOutDir: true,
    target: "es2023",
    // A policy that lets nothing inline run has no use for it, nor for files inlined as data.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1_000,
  },
  worker: { format: "es" },
  // `vite` shows the sources as they are edited, with the calls going to a server that runs.
  server: { proxy: { "^/spanloom\\.v1\\.": "http://127.0.0.1:7171" } },
  plugins: [
    {
      name: "list-files",
      writeBundle: ({ dir }) => {
        const files = listFiles(dir ?? path.join(built, "app"));
        writeFileSync(path.join(built, "app-files.json"), `${JSON.stringify(files, null, 1)}\n`);
      },
    },
  ],
});

// The console as files, for whoever serves it. The application itself begins at app/main.tsx.

export { type ConsoleAssets, type ConsoleFile, consoleAssets } from "./console-assets.ts";

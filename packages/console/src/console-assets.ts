import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** One file of the console. */
export interface ConsoleFile {
  /** Its path in URLs, such as `/assets/main-Ab3x.js`, which is its path below the folder as well. */
  path: string;
  type: string;
  /** Tells one content from another. */
  hash: string;
  /** Whether its name changes with its content, so that a browser need not ask again. */
  immutable: boolean;
  /** In which encodings it lies there besides: `br` as `<path>.br`, `gzip` as `<path>.gz`. */
  encodings: readonly string[];
  /** Whether it is a worker that compiles WebAssembly, which its policy has to let it, and no other. */
  compiles?: boolean;
}

/** The console as it was built. */
export interface ConsoleAssets {
  folder: string;
  files: readonly ConsoleFile[];
}

/**
 * The files of the built console, for a server to serve at its root; undefined where it was not built yet, as in a
 * checkout of the sources before `npm run build`.
 */
export function consoleAssets(): ConsoleAssets | undefined {
  // The same from src and from dist.
  const built = join(dirname(import.meta.dirname), "dist");
  const list = join(built, "app-files.json");
  if (!existsSync(list)) return undefined;
  return { folder: join(built, "app"), files: JSON.parse(readFileSync(list, "utf8")) as ConsoleFile[] };
}

import type { ConsoleAssets } from "./http/console.ts";

/** How to come by the console where there is none. */
const ABSENT = /@spanloom\/console/;

/**
 * The web console, if its package is installed beside the server and built; undefined without it.
 *
 * Errors: whatever keeps an installed package from being loaded.
 */
export async function loadConsole(): Promise<ConsoleAssets | undefined> {
  try {
    const { consoleAssets } = await import("@spanloom/console");
    return consoleAssets();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ERR_MODULE_NOT_FOUND" && ABSENT.test(message)) return undefined;
    throw error;
  }
}

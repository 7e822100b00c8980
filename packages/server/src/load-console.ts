import type { ConsoleAssets } from "./http/console.ts";

/** How Node says that the package is not there; what only names it may tell of something else that is missing. */
const ABSENT = /^Cannot find package '@spanloom\/console' /;

const importConsole = () => import("@spanloom/console");

/**
 * The web console, if its package is installed beside the server and built; undefined without it.
 *
 * Errors: whatever keeps an installed package from being loaded.
 */
export async function loadConsole(
  load: () => Promise<{ consoleAssets(): ConsoleAssets | undefined }> = importConsole,
): Promise<ConsoleAssets | undefined> {
  try {
    const { consoleAssets } = await load();
    return consoleAssets();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ERR_MODULE_NOT_FOUND" && ABSENT.test(message)) return undefined;
    throw error;
  }
}

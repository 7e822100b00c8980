import { OperationError } from "./cli-context.ts";

/**
 * Loads a package that only some commands need, so that the command line installs light.
 *
 * Errors: OperationError that says how to install it when it is absent.
 */
export async function loadOptional<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const absent = code === "ERR_MODULE_NOT_FOUND" && String((error as Error).message).includes(name);
    if (!absent) throw error;
    throw new OperationError(`cannot run this command: ${name} is not installed\nInstall it with: npm install ${name}`);
  }
}

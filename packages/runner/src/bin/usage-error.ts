/** A mistake on the command line; ends the program with exit code 2 and no stack. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

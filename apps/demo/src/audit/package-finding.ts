/** What the audit of one package found: small, so that it travels as a task's output. */
export interface PackageFinding {
  /** From the audited folder; unique. */
  path: string;
  /** Name by its place. */
  name: string;
  /** Empty when the manifest has none or is broken. */
  version: string;
  /** Empty when the manifest has none or is broken. */
  licence: string;
  files: number;
  bytes: number;
  /** Why the manifest could not be used; empty when it could. */
  manifestError: string;
  /** What else is wrong. */
  problems: string[];
  /** Work files that hold the hashes of its files. */
  hashes: string[];
}

import path from "node:path";

/** Variables of a process: `process.env`, or what stands for it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A language's program that was found. */
export interface Found {
  program: string;
  /** As it says itself, e.g. `3.11.7`. */
  version: string;
}

/** A language that is not there. */
export interface Missing {
  /** What is not there, and how to get it, to follow a colon. */
  missing: string;
}

export type Toolchain = Found | Missing;

/** A PATH on which folders come first. */
export function pathWith(env: Environment, ...folders: readonly string[]): string {
  return [...folders, env.PATH ?? ""].join(path.delimiter);
}

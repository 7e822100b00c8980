import { SpanloomError } from "@spanloom/protocol";

/** A task's version as two numbers. */
export interface Version {
  major: number;
  minor: number;
}

const VERSION = /^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})$/;

/**
 * Reads a version written as `major.minor`; empty text means 1.0.
 *
 * Errors: INVALID_FIELD naming `field` when the text is anything else.
 */
export function parseVersion(text: string, field: string): Version {
  if (text === "") return { major: 1, minor: 0 };
  const match = VERSION.exec(text);
  if (!match) {
    const message = `cannot read version: ${field} is ${quote(text)}, not "major.minor"`;
    throw new SpanloomError("INVALID_FIELD", message, { field });
  }
  return { major: Number(match[1]), minor: Number(match[2]) };
}

/** Writes a version as `major.minor`. */
export function formatVersion({ major, minor }: Version): string {
  return `${major}.${minor}`;
}

/** Whether code of version `offered` may run a task that asked for `wanted`: the same major, at least its minor. */
export function versionMatches(offered: Version, wanted: Version): boolean {
  return offered.major === wanted.major && offered.minor >= wanted.minor;
}

/** A value as error messages show it: JSON, cut to 64 characters. */
export function quote(value: string): string {
  return JSON.stringify(value.length > 64 ? `${value.slice(0, 61)}...` : value);
}

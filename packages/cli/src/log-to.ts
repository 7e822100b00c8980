import type { CliStream } from "./cli-context.ts";
import { manyLines } from "./text/text-table.ts";

/**
 * Writes what a server or runner tells of itself as lines.
 *
 * It quotes what callers send, and whoever reads it, now or from a file later, does so on a terminal.
 */
export function logTo(stream: CliStream): (line: string) => void {
  return (line) => stream.write(`${manyLines(line)}\n`);
}

import { ProtoWriter } from "./proto-writer.ts";

/** Largest record: a request holds a few of them, and the server reads 16 MiB. */
export const MAX_RECORD_BYTES = 2 * 1024 * 1024;

/** Longest texts tried, in UTF-16 units, until the record is small enough. */
const TEXT_LIMITS = [1024 * 1024, 16 * 1024, 256];

/**
 * Writes one record, with its texts cut as far as it takes to stay within `maxBytes`.
 *
 * Gives false, with nothing written, when it cannot be written at all. Never throws: telemetry never fails the work.
 */
export function writeBounded<Record>(
  writer: ProtoWriter,
  write: (writer: ProtoWriter, record: Record) => void,
  record: Record,
  maxBytes = MAX_RECORD_BYTES,
): boolean {
  writer.maxBytes = maxBytes;
  for (const maxText of TEXT_LIMITS) {
    // What an encoding that threw left behind must not end up in the next.
    writer.discard();
    writer.maxText = maxText;
    try {
      write(writer, record);
      if (writer.length <= maxBytes) return true;
    } catch {
      // Too large for now, or not data at all; then it will not be next time either.
    }
  }
  writer.discard();
  return false;
}

const idle: ProtoWriter[] = [];

/**
 * A writer for one record, to be given back by {@link giveBack}.
 *
 * Reading attributes can run the code's own getters, which may end spans and write logs in turn; so one is not enough.
 */
export function borrowWriter(): ProtoWriter {
  return idle.pop() ?? new ProtoWriter();
}

/** Gives a writer back. */
export function giveBack(writer: ProtoWriter): void {
  writer.discard();
  idle.push(writer);
}

import { type Tail, toJsonLines } from "@spanloom/query";
import type { RecordBatch, TypeMap } from "apache-arrow";
import { type CliContext, interruptedCode } from "./cli-context.ts";
import type { Exit } from "./program.ts";
import { manyLines } from "./text/text-table.ts";

/** How to show what is followed. */
export interface FollowOptions<Columns extends TypeMap> {
  context: CliContext;
  exit: Exit;
  json: boolean;
  /** The lines of a batch, for people. */
  text: (batch: RecordBatch<Columns>) => string;
}

/**
 * Prints what a tail gives as it comes, until its jobs have ended or Ctrl-C. Gives the number of rows that came.
 *
 * A lost connection is told of once on the standard error, and made again.
 */
export async function followRows<Columns extends TypeMap>(
  tail: Pick<Tail<Columns>, "stream">,
  { context, exit, json, text }: FollowOptions<Columns>,
): Promise<number> {
  const { stdout, stderr, signal } = context;
  let isLost = false;
  let rows = 0;
  const onInterrupted = ({ message }: Error) => {
    if (!isLost) stderr.write(`${manyLines(message)}\nTrying again; nothing is missed meanwhile.\n`);
    isLost = true;
  };
  const onPosition = () => {
    isLost = false;
  };
  for await (const batch of tail.stream({ signal, onInterrupted, onPosition })) {
    rows += batch.numRows;
    stdout.write(json ? toJsonLines(batch) : text(batch));
    await stdout.drained();
  }
  if (signal.aborted) exit(interruptedCode(signal));
  return rows;
}

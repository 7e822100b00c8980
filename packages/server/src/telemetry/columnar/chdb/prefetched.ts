import type { ChdbQueryStream } from "chdb";
import type { ArrowBatch } from "../span-store.ts";

/**
 * A stream's batches, the next one being computed while the reader is busy with the last: engine and network overlap.
 *
 * Leaving early waits for the batch under way, as the engine must not be pulled from under it.
 */
export async function* prefetched(stream: ChdbQueryStream, signal: AbortSignal | undefined): AsyncIterable<ArrowBatch> {
  const chunks = stream[Symbol.asyncIterator]();
  let next = chunks.next();
  try {
    for (;;) {
      const { done, value } = await next;
      signal?.throwIfAborted();
      if (done) return;
      next = chunks.next();
      yield { ipc: value.raw(), rows: value.numRows };
    }
  } finally {
    await next.catch(() => undefined); // a failure while nobody reads any more concerns nobody; else it was thrown above
    await chunks.return?.(undefined);
  }
}

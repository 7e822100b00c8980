/** Pieces are gathered up to this size: a write for each of some hundred bytes costs more than its bytes. */
const PART_BYTES = 1024 * 1024;

/** Small pieces of a file as parts of about a megabyte, which lie outside of the heap. */
export async function* gatherPieces(
  pieces: AsyncIterable<Uint8Array | string>,
  partBytes: number = PART_BYTES,
): AsyncGenerator<Blob, void, undefined> {
  let waiting: (Uint8Array<ArrayBuffer> | string)[] = [];
  let waitingBytes = 0;
  for await (const piece of pieces) {
    waiting.push(piece as Uint8Array<ArrayBuffer> | string);
    waitingBytes += piece.length;
    if (waitingBytes < partBytes) continue;
    yield new Blob(waiting);
    waiting = [];
    waitingBytes = 0;
  }
  if (waiting.length > 0) yield new Blob(waiting);
}

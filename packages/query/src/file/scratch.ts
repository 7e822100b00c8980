/** Bytes kept for a while: written once, then read once. */
export interface Scratch {
  append(pieces: readonly Uint8Array[]): Promise<void>;
  /** What was appended, from `start` on. */
  read(start: number): AsyncIterable<Uint8Array>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Makes a scratch. */
export type OpenScratch = () => Promise<Scratch>;

/** A scratch in blobs, which browsers keep outside of a page's heap, and on disk when they are large. */
export async function openScratchBlob(): Promise<Scratch> {
  let parts: Blob[] = [];
  return {
    append: async (pieces) => {
      parts.push(new Blob(pieces as Uint8Array<ArrayBuffer>[]));
    },
    async *read(start) {
      let skip = start;
      for (const part of parts) {
        if (part.size > skip) yield new Uint8Array(await part.slice(skip).arrayBuffer());
        skip = Math.max(0, skip - part.size);
      }
    },
    async [Symbol.asyncDispose]() {
      parts = [];
    },
  };
}

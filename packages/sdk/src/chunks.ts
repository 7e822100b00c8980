/** How much a request may hold. */
export interface ChunkBounds {
  maxCount: number;
  maxBytes: number;
}

/** Parts items, in order, such that each part keeps the bounds; an item that is larger than a part has one for itself. */
export function chunksOf<Item extends { readonly bytes: number }>(
  items: readonly Item[],
  { maxCount, maxBytes }: ChunkBounds,
): Item[][] {
  const chunks: Item[][] = [];
  let bytes = 0;
  for (const item of items) {
    const last = chunks.at(-1);
    if (last && last.length < maxCount && bytes + item.bytes <= maxBytes) {
      last.push(item);
      bytes += item.bytes;
    } else {
      chunks.push([item]);
      bytes = item.bytes;
    }
  }
  return chunks;
}

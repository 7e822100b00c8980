/** What a page is asked for with. */
export interface PageRequest {
  pageSize: number;
  /** Token from the page before; empty at first. */
  pageToken: string;
}

/** Yields at most `limit` items, page by page as they are read; no page is asked for that is not needed. */
export async function* listPages<Item>(
  limit: number,
  readPage: (page: PageRequest) => Promise<{ items: Item[]; nextPageToken: string }>,
): AsyncGenerator<Item> {
  let pageToken = "";
  let left = limit;
  while (left > 0) {
    const { items, nextPageToken } = await readPage({ pageSize: Math.min(left, PAGE_SIZE), pageToken });
    yield* items;
    left -= items.length;
    pageToken = nextPageToken;
    if (pageToken === "") return;
  }
}

/** Entries asked for at once while listing. */
const PAGE_SIZE = 500;

import { describe, expect, it } from "vitest";
import type { Page, TaskQuery, TaskRecord } from "../store/store.ts";
import { readTasks } from "./task-page.ts";

const jobId = "00000000-0000-7000-8000-000000000001";

/** A store with tasks "0", "1", ... whose inputs have these sizes. */
function storeOf(sizes: readonly number[]) {
  const pages: Page[] = [];
  const tasks = sizes.map((size, i) => ({ id: String(i), input: new Uint8Array(size) }) as TaskRecord);
  const listTasks = async (_query: TaskQuery, page: Page) => {
    pages.push(page);
    const from = page.after === undefined ? 0 : Number(page.after) + 1;
    return tasks.slice(from, from + page.limit);
  };
  return { listTasks, pages };
}

async function idsOf(store: ReturnType<typeof storeOf>, includePayloads: boolean, limit: number) {
  const query = { jobId, includePayloads };
  const { tasks, more } = await readTasks(store, query, { limit, after: undefined, maxBytes: 100 });
  return { ids: tasks.map(({ id }) => Number(id)), more };
}

describe("a page of tasks", () => {
  it("ends with the payload that would make it too large, and says that there is more", async () => {
    expect(await idsOf(storeOf([60, 40, 1, 1]), true, 10)).toEqual({ ids: [0, 1], more: true });
  });

  it("has one task however large", async () => {
    expect(await idsOf(storeOf([500, 1]), true, 10)).toEqual({ ids: [0], more: true });
    expect(await idsOf(storeOf([500]), true, 10)).toEqual({ ids: [0], more: false });
  });

  it("reads payloads in chunks and gives what was asked for", async () => {
    const store = storeOf(Array.from({ length: 100 }, () => 1));
    expect(await idsOf(store, true, 70)).toEqual({ ids: Array.from({ length: 70 }, (_, i) => i), more: true });
    expect(store.pages.map(({ limit }) => limit)).toEqual([33, 33, 7]);
  });

  it("is read at once without payloads", async () => {
    const store = storeOf(Array.from({ length: 50 }, () => 0));
    expect(await idsOf(store, false, 50)).toMatchObject({ more: false });
    expect(store.pages).toHaveLength(1);
  });
});

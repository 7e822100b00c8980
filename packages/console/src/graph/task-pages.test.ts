import { create } from "@bufbuild/protobuf";
import { TaskSchema, TaskState } from "@spanloom/protocol";
import { expect, it } from "vitest";
import { TaskPages } from "./task-pages.ts";

/** A server's tasks by state, two a page, and which pages were asked for. */
function served(...states: TaskState[]) {
  const asked: string[] = [];
  const list = async (token: string) => {
    asked.push(token);
    const from = Number(token);
    const tasks = states
      .slice(from, from + 2)
      .map((state, at) => create(TaskSchema, { id: `t${from + at}`, state, identifier: { name: "work" } }));
    return { tasks, nextPageToken: from + 2 < states.length ? String(from + 2) : "" };
  };
  return { states, asked, list };
}

const { SUCCEEDED, RUNNING, FAILED } = TaskState;
const signal = new AbortController().signal;

it("asks again only for pages on which something may change, and for the last", async () => {
  const server = served(SUCCEEDED, FAILED, RUNNING, SUCCEEDED, SUCCEEDED);
  const pages = new TaskPages(server.list, 100);
  const first = await pages.load(signal);
  expect([first.tasks.map(({ id }) => id), first.more]).toEqual([["t0", "t1", "t2", "t3", "t4"], false]);
  expect([server.asked.splice(0), pages.unsettled]).toEqual([["", "2", "4"], 2]);
  server.states[2] = FAILED;
  server.states.push(RUNNING, RUNNING);
  const second = await pages.load(signal);
  expect(server.asked.splice(0)).toEqual(["2", "4", "6"]);
  expect(second.tasks.map(({ state }) => state)).toEqual(server.states);
  await pages.load(signal);
  expect(server.asked).toEqual(["4", "6"]);
});

it("keeps so many, and says that there are more", async () => {
  const server = served(RUNNING, RUNNING, RUNNING, RUNNING, RUNNING, RUNNING);
  const { tasks, more } = await new TaskPages(server.list, 3).load(signal);
  expect([tasks.length, more, server.asked]).toEqual([4, true, ["", "2"]]);
});

it("a job without tasks has none", async () => {
  expect(await new TaskPages(served().list, 3).load(signal)).toEqual({ tasks: [], more: false });
});

import { TaskState } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { taskGraph } from "./task-graph.ts";
import type { GraphTask } from "./task-pages.ts";

function task(id: string, rest: Partial<GraphTask> = {}): GraphTask {
  const name = rest.name ?? id;
  return { id, parentId: "", name, label: name, state: TaskState.SUCCEEDED, dependsOn: [], ...rest };
}

const many = (count: number, rest: Partial<GraphTask>) =>
  Array.from({ length: count }, (_, at) => task(`${rest.name}${at}`, rest));
const none: ReadonlySet<string> = new Set();
const keys = (tasks: readonly GraphTask[], turned = none) => taskGraph(tasks, turned).nodes.map(({ key }) => key);
const lines = (tasks: readonly GraphTask[], turned = none) =>
  taskGraph(tasks, turned).edges.map(({ from, to, kind }) => `${from} ${kind === "made" ? "->" : "=>"} ${to}`);

const images = [
  task("plan"),
  task("all", { dependsOn: ["plan"] }),
  task("report", { dependsOn: ["all"] }),
  ...many(5, { name: "resize", parentId: "all" }),
  ...Array.from({ length: 10 }, (_, at) => task(`upload${at}`, { name: "upload", parentId: `resize${at % 5}` })),
];

describe("the graph of tasks", () => {
  it("puts tasks of one name below the same box together, and few of them not", () => {
    expect(keys(images)).toEqual(["plan", "all", "report", "all/resize", "all/resize/upload"]);
    expect(keys(many(3, { name: "few" }))).toEqual(["few0", "few1", "few2"]);
  });

  it("has lines for what waits and for what was submitted, each between boxes and once", () => {
    expect(lines(images)).toEqual([
      "plan => all",
      "all => report",
      "all -> all/resize",
      "all/resize -> all/resize/upload",
    ]);
  });

  it("opens a group to its tasks, with what is below each", () => {
    const turned = new Set(["all/resize"]);
    expect(keys(images, turned)).toEqual([
      "plan",
      "all",
      "report",
      ...[0, 1, 2, 3, 4].map((at) => `resize${at}`),
      ...[0, 1, 2, 3, 4].flatMap((at) => [`upload${at}`, `upload${at + 5}`]),
    ]);
    expect(keys(many(3, { name: "few" }), new Set(["/few"]))).toEqual(["/few"]);
  });

  it("hangs what waits for a sibling on that sibling, not on what submitted both", () => {
    const tasks = [
      task("root"),
      ...many(4, { name: "row", parentId: "root" }),
      task("sum", { parentId: "root", dependsOn: ["row0", "row1"] }),
    ];
    expect(lines(tasks)).toEqual(["root/row => sum", "root -> root/row"]);
  });
});

describe("the graph of very many tasks", () => {
  it("opens to so many, what failed and runs first, and keeps the others together", () => {
    const rows = many(10_000, { name: "row" });
    rows[9_000] = { ...rows[9_000]!, state: TaskState.FAILED };
    rows[9_500] = { ...rows[9_500]!, state: TaskState.RUNNING };
    const { nodes } = taskGraph(rows, new Set(["/row"]));
    expect([nodes.length, nodes[0]?.key, nodes[1]?.key]).toEqual([61, "row9000", "row9500"]);
    expect([nodes.at(-1)?.tasks.length, nodes.at(-1)?.many]).toEqual([9_940, true]);
  });

  it("puts names together where there are many", () => {
    const { nodes } = taskGraph(
      Array.from({ length: 1_000 }, (_, at) => task(`n${at}`)),
      none,
    );
    expect([nodes.length, nodes.at(-1)?.label, nodes.at(-1)?.tasks.length]).toEqual([41, "960 other names", 960]);
  });

  it("has so many boxes at most, and counts what is not in them", () => {
    const chain = Array.from({ length: 2_000 }, (_, at) => task(`t${at}`, { parentId: at === 0 ? "" : `t${at - 1}` }));
    const { nodes, hidden } = taskGraph(chain, none);
    expect([nodes.length, hidden]).toEqual([500, 1]);
  });

  it("shows what is below a task that is not listed among the roots", () => {
    expect(keys([task("orphan", { parentId: "gone" })])).toEqual(["orphan"]);
  });
});

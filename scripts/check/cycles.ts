import { existsSync } from "node:fs";
import path from "node:path";
import type { Check } from "./check.ts";
import { parseModule } from "./parse-module.ts";
import { isSource, listFiles } from "./source-files.ts";

/**
 * Finds modules that import each other in a ring.
 *
 * `import type` does not count: it vanishes before anything is loaded, and two interfaces may well name each other.
 */
export const cyclesCheck: Check = {
  name: "cycles",
  promise: "no module imports itself through others, and every relative import names a file",
  async run(root) {
    const files = listFiles(root).filter((file) => isSource(file));
    const problems: string[] = [];
    const graph = new Map<string, string[]>();
    for (const file of files) {
      const targets = new Set<string>();
      for (const { specifier, line, kind } of parseModule(root, file).imports) {
        if (!specifier.startsWith(".")) continue;
        const target = path.posix.join(path.posix.dirname(file), specifier);
        if (kind !== "type" && existsSync(path.join(root, target))) targets.add(target);
        else if (!existsSync(path.join(root, target)))
          problems.push(`${file}:${line} imports "${specifier}", which does not exist`);
      }
      graph.set(file, [...targets]);
    }
    return [...problems, ...findCycles(graph).map((cycle) => [...cycle, cycle[0]].join(" -> "))];
  },
};

/**
 * The rings of a graph, each once.
 *
 * One ring for each edge that leads back into the path of a depth-first walk: enough to fix them one after the other.
 */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const done = new Set<string>();
  const onPath: string[] = [];
  const cycles: string[][] = [];
  function visit(node: string): void {
    if (done.has(node)) return;
    const at = onPath.indexOf(node);
    if (at !== -1) {
      cycles.push(onPath.slice(at));
      return;
    }
    onPath.push(node);
    for (const target of graph.get(node) ?? []) visit(target);
    onPath.pop();
    done.add(node);
  }
  for (const node of graph.keys()) visit(node);
  return cycles;
}

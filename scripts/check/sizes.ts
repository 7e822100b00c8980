import type { Node } from "oxc-parser";
import { Visitor } from "oxc-parser";
import type { Check } from "./check.ts";
import { type ParsedModule, parseModule } from "./parse-module.ts";
import { isSource, isTest, listFiles } from "./source-files.ts";

/** Sizes at which code must be split. */
export const sizeLimits = { fileLines: 500, functionLines: 80, parameters: 4 } as const;

/** Holds files, functions and parameter lists to their limits. */
export const sizesCheck: Check = {
  name: "sizes",
  promise: `files stay under ${sizeLimits.fileLines} lines, functions under ${sizeLimits.functionLines}, parameters at most ${sizeLimits.parameters}`,
  async run(root) {
    return listFiles(root)
      .filter(isSource)
      .flatMap((file) => {
        const module = parseModule(root, file);
        const lines = module.text.split("\n").length - 1;
        const long = lines >= sizeLimits.fileLines ? [`${file} has ${lines} lines`] : [];
        return [...long, ...functionProblems(module)];
      });
  },
};

type AnyFunction = Extract<Node, { params: unknown; body: unknown }>;

function functionProblems(module: ParsedModule): string[] {
  const { file, program, lineOf } = module;
  const problems: string[] = [];
  const suites = isTest(file) ? suiteCallbacks(program) : new Set<number>();
  const look = (node: AnyFunction) => {
    const line = lineOf(node.start);
    const lines = lineOf(node.end) - line + 1;
    if (lines >= sizeLimits.functionLines && !suites.has(node.start)) {
      problems.push(`${file}:${line} has a function of ${lines} lines`);
    }
    const count = Array.isArray(node.params) ? node.params.length : 0;
    if (count > sizeLimits.parameters) problems.push(`${file}:${line} has a function of ${count} parameters`);
  };
  new Visitor({
    FunctionDeclaration: look,
    FunctionExpression: look,
    ArrowFunctionExpression: look,
  }).visit(program);
  return problems;
}

/** `describe(...)` callbacks hold tests the way a file holds functions, and are not functions of their own. */
function suiteCallbacks(program: ParsedModule["program"]): Set<number> {
  const starts = new Set<number>();
  new Visitor({
    CallExpression({ callee, arguments: args }) {
      const name = callee.type === "MemberExpression" ? callee.object : callee;
      if (name.type !== "Identifier" || name.name !== "describe") return;
      for (const arg of args) if (arg.type === "ArrowFunctionExpression") starts.add(arg.start);
    },
  }).visit(program);
  return starts;
}

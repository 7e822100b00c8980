import { readFileSync } from "node:fs";
import path from "node:path";
import { type Program, parseSync, Visitor } from "oxc-parser";

/** How a module names another one. */
export interface ModuleImport {
  specifier: string;
  /** `static` is loaded with the module; `dynamic` when the line runs; `type` never. */
  kind: "static" | "dynamic" | "type";
  line: number;
}

/** A parsed module. */
export interface ParsedModule {
  file: string;
  text: string;
  program: Program;
  imports: ModuleImport[];
  /** Lines of `export * from`. */
  starExports: { specifier: string; line: number }[];
  /** Lines of `export default`. */
  defaultExports: number[];
  lineOf(offset: number): number;
}

const cache = new Map<string, ParsedModule>();

/** Parses a module; several checks share one reading of a file. Errors: throws when it is not valid TypeScript. */
export function parseModule(root: string, file: string): ParsedModule {
  const absolute = path.join(root, file);
  const text = readFileSync(absolute, "utf8");
  const known = cache.get(absolute);
  if (known?.text === text) return known;
  const parsed = parse(file, text);
  cache.set(absolute, parsed);
  return parsed;
}

function parse(file: string, text: string): ParsedModule {
  const { program, module, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`cannot parse ${file}: ${errors[0]!.message}`);
  const lineOf = lineFinder(text);
  const imports: ModuleImport[] = [];
  for (const { moduleRequest, entries, start } of module.staticImports) {
    const typeOnly =
      /^import\s+type\b/.test(text.slice(start)) || (entries.length > 0 && entries.every((e) => e.isType));
    imports.push({ specifier: moduleRequest.value, kind: typeOnly ? "type" : "static", line: lineOf(start) });
  }
  const starExports: ParsedModule["starExports"] = [];
  const defaultExports: number[] = [];
  for (const { entries } of module.staticExports) {
    for (const { moduleRequest, importName, exportName, isType, start } of entries) {
      if (exportName.kind === "Default") defaultExports.push(lineOf(start));
      if (!moduleRequest) continue;
      imports.push({ specifier: moduleRequest.value, kind: isType ? "type" : "static", line: lineOf(start) });
      if (importName.kind === "AllButDefault")
        starExports.push({ specifier: moduleRequest.value, line: lineOf(start) });
    }
  }
  imports.push(...expressionImports(program, lineOf));
  return { file, text, program, imports, starExports, defaultExports, lineOf };
}

/** `import("x")` as an expression and as a type, and `import.meta.resolve("x")`. */
function expressionImports(program: Program, lineOf: (offset: number) => number): ModuleImport[] {
  const imports: ModuleImport[] = [];
  new Visitor({
    ImportExpression({ source, start }) {
      if (source.type !== "Literal" || typeof source.value !== "string") return;
      imports.push({ specifier: source.value, kind: "dynamic", line: lineOf(start) });
    },
    CallExpression({ callee, arguments: [argument], start }) {
      if (callee.type !== "MemberExpression" || callee.object.type !== "MetaProperty") return;
      if (callee.property.type !== "Identifier" || callee.property.name !== "resolve") return;
      if (argument?.type !== "Literal" || typeof argument.value !== "string") return;
      imports.push({ specifier: argument.value, kind: "dynamic", line: lineOf(start) });
    },
    TSImportType({ source, start }) {
      imports.push({ specifier: source.value, kind: "type", line: lineOf(start) });
    },
  }).visit(program);
  return imports;
}

function lineFinder(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    const next = starts.findIndex((start) => start > offset);
    return next === -1 ? starts.length : next;
  };
}

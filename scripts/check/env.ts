import { Visitor } from "oxc-parser";
import type { Check } from "./check.ts";
import { parseModule } from "./parse-module.ts";
import { isSource, isTest, listFiles } from "./source-files.ts";

/** Composition roots: what may read the environment and hand it on. */
const roots = [
  /\/src\/bin\//,
  /^apps\//,
  /^bench\//,
  /^scripts\//,
  /^[^/]+\.config\.ts$/,
  // One line of an application stands for the composition root it has not.
  /^packages\/exporters\/base\/src\/configure\.ts$/,
  // OpenTelemetry's switch for whole processes holds whatever a program does.
  /^packages\/sdk\/src\/sdk-disabled\.ts$/,
];

/** Keeps `process.env` out of libraries. */
export const envCheck: Check = {
  name: "env",
  promise: "only bins, apps, bench, scripts, the exporters' `configure` and OpenTelemetry's switch read process.env",
  async run(root) {
    return listFiles(root)
      .filter((file) => isSource(file) && !isTest(file) && !roots.some((pattern) => pattern.test(file)))
      .flatMap((file) => {
        const { program, lineOf, imports } = parseModule(root, file);
        const problems: string[] = [];
        new Visitor({
          MemberExpression({ object, property, start }) {
            if (object.type !== "Identifier" || object.name !== "process") return;
            const name =
              property.type === "Identifier" ? property.name : property.type === "Literal" ? property.value : "";
            if (name === "env") problems.push(`${file}:${lineOf(start)} reads process.env`);
          },
          VariableDeclarator({ id, init, start }) {
            if (init?.type !== "Identifier" || init.name !== "process" || id.type !== "ObjectPattern") return;
            const names = id.properties.map((p) =>
              p.type === "Property" && p.key.type === "Identifier" ? p.key.name : "",
            );
            if (names.includes("env")) problems.push(`${file}:${lineOf(start)} reads process.env`);
          },
        }).visit(program);
        for (const { specifier, line } of imports) {
          if (specifier === "node:process")
            problems.push(`${file}:${line} imports node:process; use the global process`);
        }
        return problems;
      });
  },
};

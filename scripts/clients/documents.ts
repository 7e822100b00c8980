import path from "node:path";
import { findPython } from "@spanloom/toolchains";
import { run } from "../bootstrap/run.mjs";
import { lackOf, languages } from "./configurations.ts";
import { ensureEnvironment } from "./python.ts";
import type { Outcome, Subject } from "./subject.ts";

const root = path.resolve(import.meta.dirname, "..", "..");

/** The configurations of docs/clients.md, with those plugins that are on this machine. */
export const documents: Subject = {
  name: "documents",
  about: "docs/clients.md: its configurations generate code, which calls a server",
  optionsOf: "vitest",
  async test(options) {
    const python = findPython(process.env);
    if ("program" in python) await ensureEnvironment(python);
    const lacks = languages.flatMap((language) => {
      const lack = lackOf(language);
      return lack === undefined ? [] : [{ language, lack }];
    });
    for (const { language, lack } of lacks) process.stdout.write(`documents: ${language} is skipped, ${lack}\n`);
    const tried = languages.filter((language) => lacks.every((lack) => lack.language !== language));
    const outcome = await runVitest("configurations", options);
    if (outcome.state !== "passed") return outcome;
    const without = lacks.length === 0 ? "" : `; without ${lacks.map(({ language }) => language).join(", ")}`;
    return { state: "passed", detail: `${tried.join(", ")}${without}` };
  },
};

/** Runs those test files across languages whose names have a text in them. */
export async function runVitest(filter: string, options: readonly string[]): Promise<Outcome> {
  const config = path.join("scripts", "clients", "vitest.config.ts");
  const program = path.join(root, "node_modules", ".bin", "vitest");
  const code = await run(program, ["run", "--config", config, ...options, filter], { cwd: root, env: process.env });
  if (code === 0) return { state: "passed", detail: "vitest" };
  return { state: "failed", detail: `vitest ended with exit code ${code}` };
}

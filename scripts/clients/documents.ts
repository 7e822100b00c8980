import { findPython } from "@spanloom/toolchains";
import { lackOf, languages } from "./configurations.ts";
import { ensureEnvironment } from "./python.ts";
import type { Subject } from "./subject.ts";
import { runVitest } from "./vitest.ts";

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

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import * as protocol from "@spanloom/protocol";
import { errorsPage } from "../docs/errors-page.ts";
import { metricsPage } from "../docs/metrics-page.ts";
import { shellExamples } from "../docs/shell-examples.ts";
import type { Check } from "./check.ts";
import { listFiles } from "./source-files.ts";

/** Holds the reference pages to what they refer to. */
export const docsPagesCheck: Check = {
  name: "docs-pages",
  promise:
    "docs/errors.md and docs/metrics.md equal the catalogues, docs/status.md names every RPC, docs/http.md calls it, links lead to pages and headings that are there, AGENTS.md is short",
  async run(root) {
    return [
      ...generatedProblems(root),
      ...statusProblems(root),
      ...httpProblems(root),
      ...linkProblems(root),
      ...agentsProblems(root),
    ];
  },
};

/** Pages that are written from a catalogue. */
const generatedPages = [
  { file: "docs/errors.md", write: errorsPage, catalogue: "the error catalogue" },
  { file: "docs/metrics.md", write: metricsPage, catalogue: "the catalogues of metrics" },
];

function generatedProblems(root: string): string[] {
  return generatedPages
    .filter(({ file, write }) => readText(root, file) !== write())
    .map(({ file, catalogue }) => `${file} differs from ${catalogue}; run \`npm run generate\``);
}

/** What a generated service has that is asked for here. */
interface Service {
  kind: "service";
  name: string;
  typeName: string;
  methods: readonly { name: string }[];
}

/** Every service that the protocol has. */
const services = Object.values(protocol as Record<string, unknown>).filter(
  (value): value is Service => (value as Partial<Service> | null)?.kind === "service",
);

function statusProblems(root: string): string[] {
  const text = readText(root, "docs/status.md");
  return services.flatMap((service) =>
    service.methods
      .filter(({ name }) => !new RegExp(`\\b${name}\\b`).test(text))
      .map(({ name }) => `docs/status.md does not say whether ${service.name}.${name} is served`),
  );
}

function httpProblems(root: string): string[] {
  const page = "docs/http.md";
  const commands = shellExamples(page, readText(root, page)).map(({ command }) => command.code);
  return services.flatMap(({ typeName, methods }) =>
    methods
      .filter(({ name }) => !commands.some((code) => new RegExp(`curl .*/${typeName}/${name}"`).test(code)))
      .map(({ name }) => `${page} has no command that calls ${typeName}/${name}`),
  );
}

function linkProblems(root: string): string[] {
  return listFiles(root)
    .filter((file) => file.endsWith(".md"))
    .flatMap((file) => {
      const text = withoutFences(readText(root, file)).replace(/`[^`\n]*`/g, "");
      return [...text.matchAll(/\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]*))?\)/g)].flatMap(
        ([, target = "", anchor]) => {
          const linked = target === "" ? file : path.join(path.dirname(file), target);
          if (!existsSync(path.join(root, linked))) return [`${file} links to ${target}, which does not exist`];
          if (anchor === undefined || !linked.endsWith(".md") || anchorsOf(readText(root, linked)).has(anchor))
            return [];
          return [`${file} links to ${target}#${anchor}, which no heading of that page makes`];
        },
      );
    });
}

/** What links to the headings of a page are called, as GitHub makes it: the second of one name ends in -1. */
function anchorsOf(text: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = [...withoutFences(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => {
    const words = heading.trim().replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
    const anchor = words
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, "")
      .replaceAll(" ", "-");
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
  return new Set(anchors);
}

function withoutFences(text: string): string {
  return text.replace(/```[\s\S]*?```/g, "");
}

const agentsLimit = 120;

function agentsProblems(root: string): string[] {
  const lines = readText(root, "AGENTS.md").split("\n").length - 1;
  if (lines < 1) return ["AGENTS.md is missing"];
  return lines > agentsLimit ? [`AGENTS.md has ${lines} lines; at most ${agentsLimit} get read`] : [];
}

function readText(root: string, file: string): string {
  const absolute = path.join(root, file);
  return existsSync(absolute) ? readFileSync(absolute, "utf8") : "";
}

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { protocols } from "../calls/protocols.ts";
import { Cursor } from "../cases/cursor.ts";
import { readSuite } from "../cases/read-suite.ts";
import type { Case, Suite } from "../cases/suite.ts";
import { readFragments, readSteps } from "../steps/read-steps.ts";
import type { Step } from "../steps/step.ts";
import { HTTP } from "./server-subject.ts";

const FRAGMENTS = "fragments.yaml";

/** Reads the suites of servers: every `.yaml` of a folder, of which `fragments.yaml` has steps that others share. */
export function readServerSuites(folder: string): Suite<Step>[] {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".yaml"))
    .sort();
  const parse = (name: string) => {
    const file = path.relative(process.cwd(), path.join(folder, name));
    return Cursor.parse(file, readFileSync(path.join(folder, name), "utf8"));
  };
  const fragments = files.includes(FRAGMENTS) ? readFragments(parse(FRAGMENTS)) : new Map();
  return files
    .filter((name) => name !== FRAGMENTS)
    .map((name) => readSuite(parse(name), path.basename(name, ".yaml"), (cursor) => readSteps(cursor, fragments)))
    .map((suite) => ({ ...suite, cases: suite.cases.map(withVariants) }));
}

/** A case without calls is the same over every protocol, and is run once. */
function withVariants(each: Case<Step>): Case<Step> {
  if (each.variants.length > 0) return each;
  return { ...each, variants: each.steps.every((step) => step.kind === "http") ? [HTTP] : protocols };
}

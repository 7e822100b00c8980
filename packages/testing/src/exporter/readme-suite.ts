import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { compileFunction } from "node:vm";
import { type Exporter, type OptionVariable, registeredExporters } from "@spanloom/exporter";
import { describe, expect, it } from "vitest";
import { sampleTraces } from "./exporter-suite.ts";
import { OtlpPeer, type PeerRules } from "./otlp-peer.ts";

/** What an exporter package says of itself, under test. */
export interface ReadmeSetup {
  /** Folder of the package. */
  readonly folder: string;
  /** What its README's code imports from it. */
  readonly module: Readonly<Record<string, unknown>>;
  /** The variables its code reads, by option. */
  readonly variables: Readonly<Record<string, Pick<OptionVariable<unknown>, "names"> | undefined>>;
  /** Variables that only a library below it reads. */
  readonly others?: readonly string[];
  /** An environment for `exporterFromEnv(process.env)`. */
  readonly env: Readonly<Record<string, string>>;
  /** A backend, and options that lead there. */
  backend(): Promise<ReadmeBackend>;
}

/** Where a README's code sends in a test. */
export interface ReadmeBackend extends AsyncDisposable {
  /** Options over those of the code. */
  readonly options: object;
  /** Names of the spans it received. */
  spanNames(): readonly string[];
  /** What was wrong with what it received. */
  problems(): readonly string[];
}

/** A strict OTLP peer as backend; `options` besides the endpoint. */
export async function peerBackend(rules: PeerRules, options: object = {}): Promise<ReadmeBackend> {
  const peer = await new OtlpPeer(rules).start();
  return {
    options: { endpoint: peer.url, ...options },
    spanNames: () => peer.spanNames,
    problems: () => peer.violations,
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

/** Holds a package's README and docs/exporters.md to its code, and runs the README's lines to copy. */
export function testReadme(name: string, setup: ReadmeSetup): void {
  const readme = readFileSync(join(setup.folder, "README.md"), "utf8");

  describe(`the README of ${name}`, () => {
    it("has lines to copy that send to the backend, by the environment and by options", async () => {
      const blocks = [...readme.matchAll(/^```ts( run)?\n(.*?)^```$/gms)].map(([, , code]) => code!);
      expect(blocks).toHaveLength(2);
      for (const code of blocks) {
        await using backend = await setup.backend();
        const [exporter, ...more] = run(code, setup, backend);
        expect(more).toEqual([]);
        expect(await exporter!.export(sampleTraces("a"))).toEqual({ outcome: "exported" });
        await exporter!.shutdown();
        expect({ spans: backend.spanNames(), problems: backend.problems() }).toEqual({ spans: ["a"], problems: [] });
      }
    });

    it("names every variable beside its option, and no other", () => {
      const rows = rowsOf(readme).filter(([first, second]) => namesIn(`${first}`).length > 0 && second !== undefined);
      for (const [option, variable] of Object.entries(setup.variables)) {
        const row = rows.find(([first]) => variable!.names.every((each) => namesIn(first!).includes(each)));
        expect(row?.[1], option).toContain(`\`${option}\``);
      }
      expect(rows.flatMap(([first]) => namesIn(first!)).sort()).toEqual(allNames(setup).sort());
    });
  });

  it(`docs/exporters.md names every variable of ${name}`, () => {
    const docs = readFileSync(join(setup.folder, "../../../docs/exporters.md"), "utf8");
    const rows = rowsOf(docs).filter(([first]) => first?.includes(`@spanloom/${name}\``));
    expect(rows).toHaveLength(1);
    expect(namesIn(rows[0]!.join("|"))).toEqual(expect.arrayContaining(allNames(setup)));
  });
}

function allNames({ variables, others = [] }: ReadmeSetup): string[] {
  return [...Object.values(variables).flatMap((variable) => variable!.names), ...others];
}

/** Rows of a document's tables, as cells. */
function rowsOf(markdown: string): string[][] {
  return markdown
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1));
}

/** Names of environment variables that a text quotes. */
function namesIn(text: string): string[] {
  return [...text.matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`/g)].map(([, name]) => name!);
}

/** Runs code of a README with the package's own functions, led to a backend; gives the exporters that it made. */
function run(code: string, { module, env }: ReadmeSetup, { options }: ReadmeBackend): Exporter[] {
  const made: Exporter[] = [];
  const ends: (() => void)[] = [];
  const scope: Record<string, unknown> = {
    process: { env, stdout: process.stdout },
    Runner: class {
      constructor({ exporters }: { exporters: Exporter[] }) {
        made.push(...exporters);
      }
    },
  };
  for (const [name, value] of Object.entries(module)) {
    const call = value as (...args: unknown[]) => never;
    if (name === "exporterFromEnv") scope[name] = (from: object) => call(from, options);
    if (name.startsWith("configure")) scope[name] = (given: object) => ends.push(call({ ...given, ...options }));
  }
  const body = stripTypeScriptTypes(code).replace(/^import .*$/gm, "");
  compileFunction(body, Object.keys(scope))(...Object.values(scope));
  if (ends.length > 0) made.push(...registeredExporters());
  for (const end of ends) end();
  return made;
}

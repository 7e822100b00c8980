import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { findGo, findPython, pathWith, pythonProgram } from "@spanloom/toolchains";
import { capture } from "../bootstrap/run.mjs";

const root = path.resolve(import.meta.dirname, "..", "..");
const python = pythonProgram(path.join(root, "clients", "python", ".venv"), "python");
export const goFolder = path.join(root, "clients", "go");

/** Languages for which docs/clients.md has a configuration. */
export const languages = ["TypeScript", "Python", "Go", "Java", "Rust", "C#"] as const;
export type Language = (typeof languages)[number];

/** The buf.gen.yaml of a language in docs/clients.md. */
export function configurationOf(language: Language): string {
  const page = readFileSync(path.join(root, "docs", "clients.md"), "utf8");
  const section = page.slice(page.indexOf(`\n## ${language}\n`));
  const match = /```yaml\n(.*?)```/s.exec(section);
  if (!page.includes(`\n## ${language}\n`) || !match)
    throw new Error(`docs/clients.md has no configuration for ${language}`);
  return match[1]!;
}

/** What a configuration needs and this machine has not, in words; undefined when it has all. */
export function lackOf(language: Language): string | undefined {
  if (language === "Python") {
    const found = findPython(process.env);
    return "missing" in found ? found.missing : undefined;
  }
  if (language === "Go") {
    const found = findGo(process.env, goFolder);
    return "missing" in found ? found.missing : undefined;
  }
  const text = configurationOf(language);
  const plugins = [...text.matchAll(/local: (\S+)/g)].map((match) => match[1]!);
  if (text.includes("protoc_builtin")) plugins.push("protoc");
  const absent = plugins.filter((plugin) => !onPath(plugin));
  return absent.length === 0 ? undefined : `not on PATH: ${absent.join(", ")}`;
}

/**
 * Runs the configuration of a language in a folder, beside a copy of `proto`, as the page says.
 *
 * Errors: what buf said.
 */
export async function generateInto(folder: string, language: Language, env: NodeJS.ProcessEnv): Promise<void> {
  writeFileSync(path.join(folder, "buf.gen.yaml"), configurationOf(language));
  cpSync(path.join(root, "proto"), path.join(folder, "proto"), { recursive: true });
  const { code, output } = await capture("buf", ["generate"], { cwd: folder, env });
  if (code !== 0) throw new Error(`cannot generate ${language}: ${output.trim()}`);
}

/** The environment in which a configuration runs, and programs of its language: the plugins are on PATH. */
export function programsFor(folder: string, language: Language): NodeJS.ProcessEnv {
  const bin = path.join(folder, "bin");
  if (language === "Go") installGoPlugins(bin);
  if (language === "Python") return withPath(path.dirname(python), bin);
  return withPath(bin);
}

/** As the page installs them, in the versions that clients/go has. */
function installGoPlugins(bin: string): void {
  const go = findGo(process.env, goFolder);
  if ("missing" in go) throw new Error(`cannot install Go's plugins: ${go.missing}`);
  const plugins = ["google.golang.org/protobuf/cmd/protoc-gen-go", "connectrpc.com/connect/cmd/protoc-gen-connect-go"];
  const { status, stderr } = spawnSync(go.program, ["install", ...plugins], {
    cwd: goFolder,
    encoding: "utf8",
    env: { ...process.env, GOBIN: bin },
  });
  if (status !== 0) throw new Error(`cannot install Go's plugins: ${stderr.trim()}`);
}

function withPath(...folders: string[]): NodeJS.ProcessEnv {
  const PATH = pathWith(process.env, ...folders, path.join(root, "node_modules", ".bin"));
  return { ...process.env, PATH };
}

function onPath(program: string): boolean {
  const folders = [path.join(root, "node_modules", ".bin"), ...(process.env.PATH ?? "").split(path.delimiter)];
  return folders.some((folder) => existsSync(path.join(folder, program)));
}

import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "../run-cli.ts";
import { capturedContext } from "../testing/captured-context.ts";
import { type Shell, shells } from "../text/completion-text.ts";

const isInstalled = (shell: string) => spawnSync(shell, ["-c", "exit 0"]).status === 0;

/** What a server might name, some of it by people who mean harm. */
const names = [
  "0190-job\tnightly report RUNNING",
  "0191-job\t$(touch pwned)",
  "a b\ttwo words",
  "$(touch pwned)\tharm",
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-completion-"));
  const own = join(folder, "spanloom");
  const lines = names.map((name) => `'${name.replace("\t", "' '")}'`).join(" ");
  // Stands in for the program, which the scripts ask for names.
  await writeFile(own, `#!/bin/sh\nif [ "$3" = jobs ]; then printf '%s\\t%s\\n' ${lines}; fi\n`);
  await chmod(own, 0o755);
  for (const shell of shells) {
    const context = capturedContext();
    expect(await runCli(["completion", shell], context)).toBe(0);
    await writeFile(join(folder, shell), context.out());
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs a script in a shell that knows none of its user's settings. */
function run(shell: Shell, script: string): string {
  const plain = { bash: ["--norc", "-c"], zsh: ["-f", "-c"], fish: ["--no-config", "-c"] }[shell];
  const { stdout, stderr } = spawnSync(shell, [...plain, script], {
    encoding: "utf8",
    cwd: folder,
    timeout: 60_000,
    env: { PATH: `${folder}${delimiter}${process.env.PATH}`, HOME: folder, TERM: "dumb" },
  });
  expect(stderr).toBe("");
  return stdout;
}

/** How each shell is asked what may follow: words that are typed, the last one to be completed. */
const ask: Record<Shell, (words: readonly string[]) => string[]> = {
  bash(words) {
    // As bash does it: "=" is a word of its own.
    const typed = words.flatMap((word) => word.split(/(?<==)|(?==)/));
    const line = typed.map((word) => `'${word}'`).join(" ");
    const call = `COMP_WORDS=(${line}); COMP_CWORD=${typed.length - 1}; _spanloom; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return run("bash", `source ./bash\n${call}`).split("\n").filter(Boolean);
  },
  fish(words) {
    const said = run("fish", `source ./fish\ncomplete -C '${words.join(" ")}'`);
    return said
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split("\t")[0] ?? "");
  },
  zsh(words) {
    // The completion system runs in interactive shells alone: one is typed at, and says what it is about to offer.
    const script = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=; autoload -Uz compinit; compinit -D -u; source ./zsh
compadd() { local -a shown; builtin compadd -O shown "$@"; builtin compadd "$@"; (( \${#shown} )) && print -rl -- "OFFER "$^shown >> offers; }
zstyle ":completion:*" menu no; unsetopt auto_list; setopt list_ambiguous
touch ready'
for i in {1..200}; do [[ -e ready ]] && break; sleep 0.05; done
zpty -w -n shell ${quote(words.join(" "))}$'\\t'
sleep 0.2; zpty -w -n shell $'\\x15'
zpty -w shell 'touch done'
for i in {1..200}; do [[ -e done ]] && break; sleep 0.05; done
zpty -d shell
[[ -e offers ]] && cat offers; rm -f offers ready done`;
    const offered = run("zsh", script)
      .split("\n")
      .filter((line) => line.startsWith("OFFER "));
    return [...new Set(offered.map((line) => line.slice(6)))];
  },
};

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

describe.each(shells)("%s", (shell) => {
  // Those that are not installed say so by the name of the test that was skipped.
  const here = isInstalled(shell) ? test : test.skip;

  here("understands what is printed for it", () => {
    expect(run(shell, `${shell} -n ./${shell}`)).toBe("");
  });

  here.each([
    [["spanloom", "sch"], ["schedule"]],
    [
      ["spanloom", "job", "c"],
      ["cancel", "clone"],
    ],
    [
      ["spanloom", "job", "submit", "--wa"],
      ["--wait", "--watch"],
    ],
    [
      ["spanloom", "--url", "job", "job", "w"],
      ["wait", "watch"],
    ],
    [["spanloom", "--json", "queue", "l"], ["list"]],
    [
      ["spanloom", "job", "list", "--state", "c"],
      ["cancelled", "cancelling"],
    ],
    [["spanloom", "spans", "--type", "job,at"], ["attempt"]],
    [["spanloom", "spans", "x", "--status", "e"], ["error"]],
    [["spanloom", "spans", "--type=us"], ["user"]],
    [
      ["spanloom", "export", "--only", ""],
      ["logs", "spans"],
    ],
    [["spanloom", "logs", "--format", "otlp.jsonl"], ["otlp.jsonl"]],
    [
      ["spanloom", "job", "get", "019"],
      ["0190-job", "0191-job"],
    ],
  ])("completes %j with %j", (words, expected) => {
    const offered = ask[shell](words).map((word) => word.replace(/^.*[,=]/, "").trimEnd());
    expect(offered.toSorted()).toEqual(expected);
  });

  here("takes what a server names for text, whatever it says", () => {
    expect(ask[shell](["spanloom", "job", "get", ""])).toContain("0190-job");
    if (shell === "bash") expect(ask.bash(["spanloom", "job", "get", "$"])).toEqual(["\\$\\(touch\\ pwned\\)"]);
    expect(run(shell, "ls")).not.toContain("pwned");
  });
});

test("with --json everything that can be typed is told", async () => {
  const context = capturedContext();
  expect(await runCli(["completion", "bash", "--json"], context)).toBe(0);
  const nodes = JSON.parse(context.out()) as {
    path: string;
    commands: object[];
    options: object[];
    argument: string;
  }[];
  expect(nodes[0]?.path).toBe("");
  expect(nodes.find(({ path }) => path === "job")?.commands).toContainEqual({
    word: "wait",
    description: expect.any(String),
  });
  expect(nodes.find(({ path }) => path === "spans")?.options).toContainEqual({
    word: "--status",
    description: expect.any(String),
    takesValue: true,
    values: ["unset", "ok", "error"],
    isList: true,
  });
  const named = nodes.filter(({ argument }) => argument !== "").map(({ path, argument }) => `${path}: ${argument}`);
  expect(named).toEqual(
    expect.arrayContaining(["job get: jobs", "compare: jobs", "runner drain: runners", "schedule get: schedules"]),
  );
});

test("without a shell it says which there are", async () => {
  const context = capturedContext();
  expect(await runCli(["completion"], context)).toBe(2);
  expect(context.err()).toContain("name one of bash, zsh, fish");
});

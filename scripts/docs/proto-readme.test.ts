import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { attemptSpanId, firingSpan } from "@spanloom/protocol";
import { startServer } from "@spanloom/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { problemsOf, toolEnvironment } from "../check/command.ts";
import { hasCurl } from "./has-curl.ts";
import { runShellExamples, shellExamples } from "./shell-examples.ts";
import { ShownAnswers } from "./shown-answer.ts";

const proto = path.resolve(import.meta.dirname, "..", "..", "proto");
const isCurl = (code: string) => code.startsWith("curl ");

/** The protocol as somebody has it who has nothing else of this repository. */
describe("a copy of proto", () => {
  let folder: string;
  let copy: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "proto-alone-"));
    copy = path.join(folder, "proto");
    await cp(proto, copy, { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function edit(file: string, before: string | RegExp, after: string): Promise<void> {
    const target = path.join(copy, "spanloom", "v1", file);
    const text = await readFile(target, "utf8");
    expect(text).toMatch(before);
    await writeFile(target, text.replace(before, after));
  }

  const examples = async () => shellExamples("proto/README.md", await readFile(path.join(copy, "README.md"), "utf8"));

  it("builds, lints, breaks nothing of the last release and generates by the commands of its README, alone", async () => {
    const commands = (await examples()).filter(({ command }) => !isCurl(command.code));
    expect(commands.map(({ command }) => command.code.match(/^buf \w+/gm))).toEqual([
      ["buf build", "buf lint", "buf breaking", "buf generate"],
    ]);
    // One after the other: what fails is told by its own exit code.
    for (const line of commands[0]!.command.code.trim().split("\n"))
      expect(await problemsOf(copy, "sh", ["-c", line])).toEqual([]);
    expect(await readdir(path.join(copy, "gen", "spanloom", "v1"))).toEqual(
      expect.arrayContaining(["job_service_pb.ts", "task_service_pb.ts", "error_pb.ts"]),
    );
  });

  it.each([
    ["a field of another type", "error.proto", "string field = 2;", "bytes field = 2;", /changed type/],
    ["a field of another number", "error.proto", "string field = 2;", "string field = 9;", /field "2".*was deleted/],
    ["a field of another name", "error.proto", "string field = 2;", "string path = 2;", /changed name/],
    ["a call taken away", "job_service.proto", /.*rpc CloneJob.*\n/, "", /"CloneJob".*was deleted/],
    ["a value of an enum taken away", "error.proto", /.*_INTERNAL = 21;\n/, "", /"21".*was deleted/],
    ["a stream in place of an answer", "job_service.proto", "(GetJobResponse)", "(stream GetJobResponse)", /stream/],
  ])("is told what breaks clients of the last release: %s", async (...[, file, before, after, problem]) => {
    await edit(file, before, after);
    const problems = await problemsOf(copy, "buf", ["breaking", "--against", "baseline.binpb"]);
    expect(problems.join("\n")).toMatch(problem);
  });

  it("may get fields and reasons that the last release had not", async () => {
    await edit("error.proto", "int64 retry_after_ms = 6;", "int64 retry_after_ms = 6;\n  string more = 1000;");
    await edit("error.proto", "_INTERNAL = 21;", "_INTERNAL = 21;\n  ERROR_REASON_MORE = 1000;");
    expect(await problemsOf(copy, "buf", ["breaking", "--against", "baseline.binpb"])).toEqual([]);
  });

  it.skipIf(!hasCurl())("has a README whose curl commands are answered as it shows", async () => {
    await using server = await startServer({ dataDir: path.join(folder, "data"), port: 0 });
    const commands = (await examples()).filter(({ command }) => isCurl(command.code));
    expect(commands).toHaveLength(1);
    const replace = { "http://127.0.0.1:7171": server.url };
    const runs = await runShellExamples(commands, { folder, env: toolEnvironment(), replace });
    const answers = new ShownAnswers();
    const problems = commands.flatMap(({ answer }, at) => answers.problems("js", answer!.code, runs[at]!.output));
    expect(problems).toEqual([]);
  });
});

it("proto/README.md derives the span ids that the clients do", async () => {
  const text = await readFile(path.join(proto, "README.md"), "utf8");
  const rows = [...text.matchAll(/^\| `([0-9a-f-]{36})` \| `(\w+)` \| `(\w+)` \| `(\w+)` \|$/gm)];
  expect(rows).toHaveLength(3);
  for (const [, id = "", first, second, firing] of rows) {
    expect([first, second, firing]).toEqual([attemptSpanId(id, 1), attemptSpanId(id, 2), firingSpan(id).traceId]);
    expect(asWritten(id, 2)).toBe(second);
  }
});

/** What the page says in words and signs, done on numbers of any size. */
function asWritten(taskId: string, attempt: number): string {
  const span = taskId.replaceAll("-", "").slice(16);
  const bits = (value: bigint) => BigInt.asUintN(32, value);
  const mix = (start: bigint) => {
    const once = bits((start ^ (start >> 16n)) * 0x7feb352dn);
    const twice = bits((once ^ (once >> 15n)) * 0x846ca68bn);
    return twice ^ (twice >> 16n);
  };
  const halves = [
    [span.slice(0, 8), 0x9e3779b1n],
    [span.slice(8), 0x85ebca77n],
  ] as const;
  const mixed = halves.map(([half, factor]) => mix(BigInt(`0x${half}`) ^ bits(BigInt(attempt) * factor)));
  return mixed.map((value) => value.toString(16).padStart(8, "0")).join("");
}

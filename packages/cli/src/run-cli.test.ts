import { fileURLToPath } from "node:url";
import { plainText } from "@spanloom/query";
import { expect, test, vi } from "vitest";
import { runCli } from "./run-cli.ts";
import { capturedContext } from "./testing/captured-context.ts";

// Port 9 is discard: nothing listens there on a machine that runs tests.
const nobody = "http://127.0.0.1:9";

async function run(args: string[], overrides: Parameters<typeof capturedContext>[0] = {}) {
  const context = capturedContext(overrides);
  const exitCode = await runCli(args, context);
  return { exitCode, out: context.out(), err: context.err() };
}

test("help of every command has examples and exit code 0", async () => {
  const nodes = JSON.parse((await run(["completion", "bash", "--json"])).out) as { path: string; commands: object[] }[];
  // A group alone has nothing to show an example of; `runner` is a command, too.
  const commands = nodes.filter(({ path, commands }) => commands.length === 0 || ["", "runner"].includes(path));
  expect(commands.length).toBeGreaterThan(45);
  for (const { path: command } of commands) {
    const { exitCode, out } = await run([...command.split(" ").filter(Boolean), "--help"]);
    expect([command, exitCode]).toEqual([command, 0]);
    expect(out, command).toContain("Examples:");
    expect(out, command).toContain("--json");
  }
});

test.each([
  [["nonsense"], "unknown command 'nonsense'"],
  [["job", "list", "--nonsense"], "unknown option '--nonsense'"],
  [["job", "get"], "missing required argument 'job'"],
  [["job", "list", "--state", "done"], 'cannot use --state "done": it must be one of QUEUED'],
  [["job", "list", "--limit", "0"], 'cannot use --limit "0": it must be a whole number from 1'],
  [["job", "submit", "x", "--input", "{"], 'cannot read --input "{"'],
  [["job", "submit", "x", "--input", "@absent.json"], 'cannot read --input "@absent.json"'],
  [["job", "submit", "x", "--tag", "novalue"], 'cannot use --tag "novalue": it must be key=value'],
  [["job", "submit", "x", "--deadline", "5"], 'cannot use --deadline "5": it must be a duration'],
  [["job", "submit", "x", "--timeout", "5"], 'cannot use --timeout "5": it must be a duration'],
  [["job", "submit", "x", "--start-at", "soon"], 'cannot use --start-at "soon"'],
  [["job", "list", "--created-after", "soon"], 'cannot use --created-after "soon"'],
  [["job", "list", "--triggered-by", "retry"], 'cannot use --triggered-by "retry": it must be one of MANUAL'],
  [["schedule", "put", "n", "t"], "cannot use none of --cron, --every, --at: one must be given"],
  [["schedule", "put", "n", "t", "--every", "1s", "--cron", "@daily"], "cannot use several of --cron, --every, --at"],
  [["schedule", "put", "n", "t", "--every", "soon"], 'cannot use --every "soon": it must be a duration'],
  [["schedule", "put", "n", "t", "--every", "1s", "--overlap", "wait"], 'cannot use --overlap "wait"'],
  [["schedule", "backfill", "n", "--from", "soon"], 'cannot use --from "soon"'],
  [["trigger", "put", "n", "t"], "required option '--on <pattern>' not specified"],
  [["event", "publish", "k", "--payload", "{"], 'cannot read --payload "{"'],
  [["event", "publish", "k", "--metadata", "x"], 'cannot use --metadata "x": it must be key=value'],
  [["event", "replay"], "cannot replay events: either ids or conditions must be given"],
  [["event", "replay", "a", "--key", "b"], "cannot replay events: either ids or conditions must be given"],
  [["webhook", "put", "n"], "required option '--scheme <scheme>' not specified"],
  [
    ["webhook", "put", "n", "--scheme", "sha1"],
    'cannot use --scheme "sha1": it must be one of github, stripe, hmac, none',
  ],
  [["webhook", "put", "n", "--scheme", "hmac"], "cannot put a webhook: --header must name the header"],
  [["webhook", "put", "n", "--scheme", "github", "--hash", "sha512"], "cannot put a webhook: --header must name"],
  [["webhook", "put", "n", "--scheme", "github", "--secret-file", "absent"], 'cannot read --secret-file "@absent"'],
  [["spans", "x", "--format", "yaml"], 'cannot use --format "yaml": it must be one of waterfall'],
  [["spans", "x", "--out", "a.xlsx"], 'cannot use --out "a.xlsx": its end tells no format'],
  [["completion", "tcsh"], "'tcsh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish"],
  [["task", "get"], "missing required argument 'task'"],
  [["task", "replay", "x"], "missing required argument 'modules'"],
  [["top", "--every", "0"], 'cannot use --every "0": it must be a duration'],
  [["dev"], "missing required argument 'modules'"],
  [["doctor", "--url", "ftp://x"], 'cannot connect to "ftp://x"'],
  [["server", "--port", "70000"], 'cannot use --port "70000"'],
  [["--url", "ftp://x", "job", "list"], 'cannot connect to "ftp://x"'],
])("%j is not understood: exit code 2 and a message that names it", async (args, message) => {
  const { exitCode, err, out } = await run(args);
  expect(err).toContain(message);
  expect(exitCode).toBe(2);
  expect(out).toBe("");
});

test("a server that is not there is named, with how to start one", async () => {
  const { exitCode, err } = await run(["job", "list"], { env: { SPANLOOM_URL: nobody } });
  expect(exitCode).toBe(3);
  expect(err).toContain(`cannot reach the server at ${nobody}`);
  expect(err).toContain("spanloom server");
});

test("with --json errors are JSON too", async () => {
  const { exitCode, err } = await run(["--url", nobody, "job", "get", "x", "--json"]);
  expect(exitCode).toBe(3);
  expect(JSON.parse(err)).toMatchObject({ error: { code: 3, reason: "STORE_UNAVAILABLE", hint: expect.any(String) } });
});

test("with --json a command line that is not understood is JSON too", async () => {
  const { exitCode, err } = await run(["job", "list", "--json", "--nonsense"]);
  expect(exitCode).toBe(2);
  expect(JSON.parse(err)).toMatchObject({ error: { reason: "USAGE", message: "unknown option '--nonsense'" } });
});

test("with --json a command that is missing is JSON too, without the help", async () => {
  const { exitCode, out, err } = await run(["job", "--json"]);
  expect([exitCode, out]).toEqual([2, ""]);
  expect(JSON.parse(err)).toMatchObject({ error: { code: 2, reason: "USAGE", message: "missing command" } });
  expect((await run(["job"])).err).toMatch(/^Usage: spanloom job/);
});

test.each([
  { isTTY: true, env: {}, flags: [], colored: true },
  { isTTY: true, env: { NO_COLOR: "1" }, flags: [], colored: false },
  { isTTY: true, env: { NO_COLOR: "" }, flags: [], colored: true },
  { isTTY: true, env: { TERM: "dumb" }, flags: [], colored: false },
  { isTTY: true, env: {}, flags: ["--no-color"], colored: false },
  { isTTY: false, env: {}, flags: [], colored: false },
  { isTTY: false, env: { FORCE_COLOR: "1" }, flags: [], colored: true },
  { isTTY: true, env: { FORCE_COLOR: "0" }, flags: [], colored: false },
  { isTTY: false, env: { FORCE_COLOR: "1", NO_COLOR: "1" }, flags: [], colored: false },
  { isTTY: false, env: { FORCE_COLOR: "1" }, flags: ["--no-color"], colored: false },
])("errors are red: $colored, on a terminal: $isTTY, with $env and $flags", async ({ isTTY, env, flags, colored }) => {
  const { err } = await run(["job", "submit", "x", "--tag", "novalue", ...flags], { isTTY, env });
  expect(err.includes("\u001b[31m")).toBe(colored);
});

test("what a message quotes cannot steer the terminal, and JSON holds it unharmed", async () => {
  const evil = "a\u001b]0;owned\u0007\u009b2Jb\u202e";
  const { err } = await run(["job", "list", "--state", evil], { isTTY: true, env: { NO_COLOR: "1" } });
  expect(err).toContain('cannot use --state "a�]0;owned��2Jb�"');
  const json = await run(["job", "list", "--state", evil, "--json"], { isTTY: true });
  expect(json.err).toBe(`${plainText(json.err.trimEnd())}\n`);
  expect((JSON.parse(json.err) as { error: { message: string } }).error.message).toContain(evil);
});

test("a module without tasks is refused with what one looks like", async () => {
  const path = fileURLToPath(new URL("exit-code.ts", import.meta.url));
  const missing = await run(["runner", path]);
  expect(missing).toMatchObject({ exitCode: 2, err: expect.stringContaining(`cannot load "${path}": no such file`) });
  const empty = await run(["runner", fileURLToPath(new URL("version.ts", import.meta.url))]);
  expect(empty).toMatchObject({ exitCode: 2, err: expect.stringContaining("exports no task; make one with task()") });
});

test("a runner that waits for a server ends when it is interrupted", async () => {
  const tasks = fileURLToPath(new URL("testing/example-tasks.ts", import.meta.url));
  const stop = new AbortController();
  const context = capturedContext({ signal: stop.signal });
  const ended = runCli(["--url", nobody, "runner", tasks], context);
  await vi.waitFor(() => expect(context.err()).toContain("cannot reach the server"), { timeout: 60_000 });
  stop.abort(new Error("cannot finish: SIGINT came"));
  expect(await ended).toBe(130);
});

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { waitFor } from "@spanloom/testing";
import { Screen } from "./screen.ts";

/** Whether there is util-linux's `script`, which gives a program a terminal; every Debian has it. */
export const hasPseudoTerminals = spawnSync("script", ["--version"]).stdout?.includes("util-linux") ?? false;

/** How a program is started on a terminal. */
export interface PseudoTerminalOptions {
  columns: number;
  rows: number;
  env: Record<string, string | undefined>;
  cwd?: string;
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** The command line on a terminal of its own, with what it shows there. */
export class PseudoTerminal {
  readonly #child: ChildProcess;
  /** What is seen. */
  readonly screen: Screen;
  /** All that came, escape sequences included. */
  received = "";
  /** The exit code. */
  readonly ended: Promise<number | null>;

  constructor(args: readonly string[], { columns, rows, env, cwd }: PseudoTerminalOptions) {
    this.screen = new Screen(columns);
    const program = [process.execPath, join(import.meta.dirname, "..", "bin", "spanloom.ts"), ...args].map(quoted);
    // The first line tells which terminal it is, so that it can be resized from outside.
    const command = `tty; stty cols ${columns} rows ${rows}; exec ${program.join(" ")}`;
    this.#child = spawn("script", ["--quiet", "--return", "--flush", "--command", command, "/dev/null"], {
      stdio: "pipe",
      env: { PATH: process.env.PATH, SHELL: "/bin/sh", TERM: "xterm-256color", ...env },
      ...(cwd && { cwd }),
    });
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      const before = this.received.length;
      this.received += text;
      const start = this.received.indexOf("\n") + 1;
      if (start > 0) this.screen.write(this.received.slice(Math.max(before, start)));
    });
    this.ended = new Promise((resolve) => this.#child.once("exit", resolve));
  }

  /** Waits until a text is seen. */
  async shows(text: string | RegExp): Promise<void> {
    const found = () => {
      const seen = this.screen.lines.join("\n");
      return typeof text === "string" ? seen.includes(text) : text.test(seen);
    };
    await waitFor(found, { what: `${text} on the screen:\n${this.received}` });
  }

  /** Types keys; "\u0003" is Ctrl-C. */
  type(keys: string): void {
    this.#child.stdin!.write(keys);
  }

  /** Makes the terminal wider or narrower, as pulling at a window does. */
  resize(columns: number, rows: number): void {
    const device = this.received.slice(0, this.received.indexOf("\n")).trim();
    const { status, stderr } = spawnSync("stty", ["-F", device, "cols", String(columns), "rows", String(rows)]);
    if (status !== 0) throw new Error(`cannot resize ${device}: ${stderr}`);
    this.screen.columns = columns;
  }

  /** Ends the program, if it has not. Safe to call twice. */
  stop(): void {
    this.#child.kill("SIGKILL");
  }
}

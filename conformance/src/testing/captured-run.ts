import { runConformance } from "../cli/run-conformance.ts";

/** What a run of the program left. */
export interface CapturedRun {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the program in this process and keeps what it writes. */
export async function capturedRun(...args: string[]): Promise<CapturedRun> {
  const written = { stdout: "", stderr: "" };
  const outputOf = (name: "stdout" | "stderr") => ({
    write: (text: string) => {
      written[name] += text;
    },
    isTTY: false,
  });
  const code = await runConformance(args, {
    stdout: outputOf("stdout"),
    stderr: outputOf("stderr"),
    env: {},
    signal: new AbortController().signal,
  });
  return { code, ...written };
}

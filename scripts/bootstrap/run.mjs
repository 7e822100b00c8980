import { spawn } from "node:child_process";
import { constants } from "node:os";

/** @type {NodeJS.Signals[]} */
const forwarded = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs a program in the foreground: it has the terminal, gets our signals, and its exit code is the answer.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<number>} exit code; 128 + n when signal n ended it
 */
export function run(program, args, { cwd, env }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: "inherit" });
    const listeners = forwarded.map((signal) => ({ signal, listener: () => child.kill(signal) }));
    for (const { signal, listener } of listeners) process.on(signal, listener);
    child.once("error", (error) => reject(new Error(`cannot run ${program}: ${error.message}`)));
    child.once("exit", (code, signal) => {
      for (const { signal: name, listener } of listeners) process.off(name, listener);
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}

/**
 * Runs a program in the background and passes its output on line by line.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, onLine?: (line: string) => void }} options
 * @returns {Promise<{ code: number, output: string }>} `output` is standard output and error, in order
 */
export function capture(program, args, { cwd, env = process.env, onLine }) {
  return new Promise((resolve, reject) => {
    // npm and npx are .cmd files on Windows, which only a shell starts.
    const shell = process.platform === "win32";
    const child = spawn(program, args, { cwd, env, shell, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let rest = "";
    const take = (/** @type {string} */ text) => {
      output += text;
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      if (onLine) for (const line of lines) if (line.trim() !== "") onLine(line);
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    child.once("error", (error) => reject(new Error(`cannot run ${program}: ${error.message}`)));
    child.once("close", (code) => {
      if (onLine && rest.trim() !== "") onLine(rest);
      resolve({ code: code ?? 1, output });
    });
  });
}

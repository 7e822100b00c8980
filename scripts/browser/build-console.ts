import path from "node:path";
import { problemsOf } from "../check/command.ts";

/** Builds what the tests in a browser open, once for all of their files. */
export async function setup(): Promise<void> {
  const root = path.dirname(path.dirname(import.meta.dirname));
  const packages = ["--filter=@spanloom/console", "--filter=@spanloom/query"];
  const problems = await problemsOf(root, "turbo", ["run", "build", ...packages, "--output-logs=none"]);
  if (problems.length > 0) throw new Error(`cannot build the console: ${problems.join("\n")}`);
}

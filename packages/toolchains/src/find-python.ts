import { spawnSync } from "node:child_process";
import type { Environment, Toolchain } from "./toolchain.ts";

const HOW = "install one (apt-get install python3 python3-venv), or name its program in SPANLOOM_PYTHON";

/**
 * The first Python that the client can be installed for: 3.10 or newer, with what makes environments.
 *
 * Where SPANLOOM_PYTHON names one, no other is looked at.
 */
export function findPython(env: Environment): Toolchain {
  const { SPANLOOM_PYTHON: named } = env;
  const question = "import sys, venv, ensurepip; print('%d.%d.%d' % sys.version_info[:3])";
  for (const program of named ? [named] : ["python3", "python"]) {
    const { status, stdout } = spawnSync(program, ["-c", question], { encoding: "utf8", env: { ...env } });
    const version = stdout?.trim() ?? "";
    const [major = 0, minor = 0] = version.split(".").map(Number);
    if (status === 0 && (major > 3 || (major === 3 && minor >= 10))) return { program, version };
  }
  if (named) return { missing: `SPANLOOM_PYTHON names "${named}", which is no Python 3.10 or newer with venv` };
  return { missing: `there is no Python 3.10 or newer with venv on PATH: ${HOW}` };
}

#!/usr/bin/env node
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { UsageError } from "../options.ts";
import { soak } from "../soak/soak.ts";

const usage = `Runs Spanloom under a steady load and watches memory, backlog, latency and logs. The method is in bench/README.md.

Usage: npm run soak -- [options]

  --minutes N      how long (default: 30)
  --fraction X     share of the maximum to run at, measured first (default: 0.5)
  --rate N         tasks a second instead of a share of the maximum
  --json FILE      write all samples and the verdict to FILE
  --data-dir DIR   keep the server's data in a new folder below DIR, on a real disk (default: .bench)
  --help           show this text

Exits with 1 when it did not hold.
`;

const defaultDataDir = fileURLToPath(new URL("../../../.bench", import.meta.url));

/** Runs a soak; gives the exit code. */
async function main(args: string[]): Promise<number> {
  const values = parse(args);
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const parent = resolve(values["data-dir"] ?? defaultDataDir);
  await mkdir(parent, { recursive: true });
  const dataDir = await mkdtemp(join(parent, "soak-"));
  try {
    const figures = await soak({
      minutes: positive("--minutes", values.minutes) ?? 30,
      fraction: positive("--fraction", values.fraction) ?? 0.5,
      ...(values.rate !== undefined && { tasksPerSec: positive("--rate", values.rate) as number }),
      dataDir,
      note: (line) => process.stderr.write(`${line}\n`),
    });
    if (values.json) await writeFile(values.json, `${JSON.stringify(figures)}\n`);
    const { samples, ...rest } = figures;
    process.stdout.write(`${JSON.stringify(rest, null, 2)}\n`);
    return figures.verdict.held ? 0 : 1;
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

function parse(args: string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  try {
    const options = { minutes: text, fraction: text, rate: text, json: text, "data-dir": text, help: flag };
    return parseArgs({ args, options, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(`cannot read the command line: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function positive(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new UsageError(`cannot use ${flag} "${text}": it must be a number above 0`);
  return value;
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`${isUsage ? `${error.message}\nTry --help.` : error instanceof Error ? error.stack : error}\n`);
  return isUsage ? 2 : 1;
});
